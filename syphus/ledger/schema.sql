-- The ledger of one run. Pending is a query, not a flag: an item is pending when it has no outcome that rests on what the
-- run would use now (outcomes.basis).
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Texts that many rows share, once: the constant part of a category's prompts (a JSON list of [role, text]), the settings
-- that are sent besides the messages (JSON), the address of an endpoint.
CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL, digest BLOB NOT NULL UNIQUE);

-- What is asked. The key is the fingerprint of what is sent; all messages are those of `prefix`, then `messages`.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    prefix INTEGER REFERENCES texts (id),
    messages TEXT NOT NULL,
    settings INTEGER NOT NULL REFERENCES texts (id)
);

-- What happened each time it was asked. A reply counts when it stands here, and not before.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    at REAL NOT NULL, -- seconds since 1970
    seconds REAL NOT NULL,
    endpoint INTEGER REFERENCES texts (id),
    batch INTEGER REFERENCES batches (id), -- NULL: asked online
    failure TEXT,
    detail TEXT,
    status INTEGER,
    reply TEXT,
    finish TEXT,
    refusal TEXT,
    model TEXT,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    cached_tokens INTEGER,
    reasoning_tokens INTEGER,
    cache_written_tokens INTEGER,
    cost REAL, -- US dollars at the prices of that moment; NULL where they are not known
    risk REAL -- US dollars that may have been billed although no count came: a timeout, a cut connection
);
CREATE INDEX replies_of_request ON attempts (request) WHERE failure IS NULL;

-- What came of each item. Another version of the prompts, or another draw, is a row of a later generation; the old one stays.
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    generation INTEGER NOT NULL,
    version TEXT NOT NULL, -- of the prompts and the model
    draw INTEGER NOT NULL,
    basis TEXT NOT NULL, -- the fingerprint of all that it depends on but the replies
    category TEXT NOT NULL,
    scene TEXT NOT NULL,
    state TEXT NOT NULL,
    dialogue_count INTEGER NOT NULL,
    pair_count INTEGER NOT NULL,
    position INTEGER NOT NULL,
    detail TEXT NOT NULL,
    rejects TEXT NOT NULL,
    notes TEXT NOT NULL,
    requests TEXT NOT NULL, -- keys, in the order asked: the way from a rejected item to its raw replies
    dialogues TEXT NOT NULL,
    UNIQUE (item, generation)
);
CREATE INDEX outcomes_in_order ON outcomes (position);

-- Each item's newest outcome: what is counted.
CREATE VIEW newest AS
    SELECT * FROM outcomes AS o WHERE generation = (SELECT max(generation) FROM outcomes WHERE item = o.item);

-- Each item's newest outcome that did not fail: what is exported. A call that fails must not take away what was paid for.
CREATE VIEW standing AS
    SELECT * FROM outcomes AS o WHERE generation = coalesce(
        (SELECT max(generation) FROM outcomes WHERE item = o.item AND state != 'failed'),
        (SELECT max(generation) FROM outcomes WHERE item = o.item)
    );

-- Items that were asked for anew although nothing had changed: how often. The number is a part of their requests' keys.
CREATE TABLE draws (item TEXT PRIMARY KEY, draw INTEGER NOT NULL) WITHOUT ROWID;

-- Batches at the provider. The tag goes with the batch, and finds it again when its name was lost.
CREATE TABLE batches (
    id INTEGER PRIMARY KEY,
    tag TEXT NOT NULL UNIQUE,
    endpoint TEXT NOT NULL,
    remote TEXT UNIQUE,
    input_file TEXT,
    state TEXT NOT NULL,
    requests INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    tokens INTEGER NOT NULL,
    made_at REAL NOT NULL,
    detail TEXT NOT NULL
);

-- Requests that wait in a batch for their reply.
CREATE TABLE queued (
    request INTEGER PRIMARY KEY REFERENCES requests (id),
    batch INTEGER NOT NULL REFERENCES batches (id)
);
CREATE INDEX queued_of_batch ON queued (batch);

-- What could not be read of the annotation files.
CREATE TABLE problems (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    file TEXT NOT NULL,
    place TEXT NOT NULL,
    message TEXT NOT NULL,
    lost INTEGER NOT NULL,
    UNIQUE (source, file, place, message)
);

-- The categories as they were: fingerprint and the whole text of the folder.
CREATE TABLE categories (
    fingerprint TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID;

-- What each endpoint was found to do.
CREATE TABLE endpoints (
    name TEXT PRIMARY KEY,
    abilities TEXT NOT NULL,
    found_at TEXT NOT NULL
) WITHOUT ROWID;

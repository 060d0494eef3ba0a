-- The ledger of one run. Pending is a query, not a flag: an item is pending when it has no outcome of this generation.
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- Every text that is sent, once: the constant part of a category's prompt is stored one time, not with each request.
CREATE TABLE texts (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, text TEXT NOT NULL);

-- What is asked. The key is the fingerprint of what is sent; messages are [role, texts.id] pairs.
CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    messages TEXT NOT NULL,
    settings TEXT NOT NULL
);

-- What happened each time it was asked. A reply counts when it stands here, and not before.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY,
    request INTEGER NOT NULL REFERENCES requests (id),
    at TEXT NOT NULL,
    seconds REAL NOT NULL,
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
    reasoning_tokens INTEGER
);
CREATE INDEX attempts_of_request ON attempts (request) WHERE failure IS NULL;

-- What came of each item; a regenerated item gets a row of a later generation, the old one stays.
CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    item TEXT NOT NULL,
    generation INTEGER NOT NULL,
    category TEXT NOT NULL,
    scene TEXT NOT NULL,
    state TEXT NOT NULL,
    dialogues TEXT NOT NULL,
    rejects TEXT NOT NULL,
    notes TEXT NOT NULL,
    requests TEXT NOT NULL, -- keys, in the order asked: the way from a rejected item to its raw replies
    detail TEXT NOT NULL,
    position INTEGER NOT NULL,
    UNIQUE (item, generation)
);

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

"""The words for things: what is called by several words, what is a kind of what, and what brings what with it.

Made by hand for this project. The classes of COCO (Lin et al. 2014) come first, each with the words that people use for it in
captions (the idea of CHAIR's list of synonyms, Rohrbach et al. 2018, "Object Hallucination in Image Captioning"); below stand
other things that can be seen and drawn a box around, as LVIS and Open Images name them. What is left out is left out on
purpose: walls, floors, sky, grass and the like, which annotators seldom name and which are hardly ever wrong.

A line is ``thing [< kind]: other words``. A word may stand in several lines: a ``bike`` is a bicycle or a motorcycle. Words are
in the singular; the plural is made by rule (:mod:`syphus.quality.grounded.lexicon`), and ``=word`` is taken as it stands.
"""

from typing import Final

COCO: Final = """
person: man, woman, boy, girl, child, kid, lady, guy, adult, teenager, teen, toddler, baby, infant, human, individual, pedestrian, gentleman, male, female, couple, family, crowd, passenger, driver, rider, worker, player, skier, snowboarder, surfer, skateboarder, skater, batter, hitter, pitcher, catcher, umpire, referee, cyclist, bicyclist, biker, motorcyclist, chef, cook, waiter, waitress, officer, policeman, policewoman, fireman, firefighter, soldier, player, athlete, tourist, visitor, spectator, audience, bystander, onlooker, shopper, customer, patron, guest, commuter, traveler, traveller, student, teacher, mother, father, mom, dad, son, daughter, brother, sister, husband, wife, bride, groom, friend, vendor, farmer, fisherman, jockey, rancher, cowboy, clown, doctor, nurse, musician, guitarist, singer, dancer, sailor, pilot, hiker, jogger, runner, swimmer, beachgoer, parent, grandmother, grandfather, businessman, businesswoman, someone, somebody, anyone, everyone, people, folk, men, coach, opponent, teammate, owner, handler, trainer, boarder, dude, tennis player, baseball player, soccer player, photographer, cameraman, barber, butcher, baker, artist, painter, model, performer, conductor, engineer, monk, nun, priest, king, queen, prince, princess, group, team, staff, attendee, participant, member, sportsman, youngster, youth, elder, senior, operator, mechanic, gardener, bather, sunbather, diner, eater, viewer, resident, local, mahout
bicycle < vehicle: bike, cycle, tricycle, pushbike, mountain bike, tandem
car < vehicle: automobile, sedan, suv, taxi, cab, taxicab, van, minivan, jeep, hatchback, convertible, limousine, limo, auto, minicooper, coupe, pickup, police car, sports car, race car, station wagon, traffic
motorcycle < vehicle: motorbike, motor bike, scooter, moped, bike, cycle, dirt bike, vespa, harley, chopper
airplane < vehicle: plane, aeroplane, jet, aircraft, airliner, jetliner, biplane, jumbo, fighter jet, fighter, seaplane, glider, warplane
bus < vehicle: minibus, double decker, double-decker, coach, trolley, omnibus, tram, trolleybus, school bus, city bus, tour bus
train < vehicle: locomotive, subway, tram, trolley, monorail, railcar, streetcar, steam engine, freight train, caboose, commuter train, bullet train, train car, railway, railroad, metro
truck < vehicle: lorry, pickup, pick-up, semi, tractor trailer, trailer, van, dump truck, firetruck, fire truck, fire engine, food truck, tow truck, eighteen wheeler, pickup truck, semi-truck, suv
boat < vehicle: ship, sailboat, canoe, kayak, ferry, yacht, raft, vessel, gondola, rowboat, speedboat, motorboat, dinghy, barge, tugboat, catamaran, cruise ship, watercraft, houseboat, fishing boat, life boat, steamboat, tug
traffic light: stoplight, traffic signal, street light, stop light, signal, traffic lamp, red light, green light, signal light, light
fire hydrant: hydrant, fireplug, fire plug
stop sign: sign, street sign, traffic sign, road sign
parking meter: meter, parking machine
bench: seat, pew, park bench, seating
bird < animal: pigeon, seagull, gull, duck, goose, crow, owl, eagle, parrot, swan, hawk, sparrow, hen, rooster, chicken, flamingo, pelican, heron, stork, crane, peacock, turkey, dove, robin, finch, woodpecker, hummingbird, raven, vulture, falcon, ostrich, emu, penguin, kingfisher, cardinal, parakeet, cockatoo, duckling, gosling, chick, geese, waterfowl, fowl, egret, magpie, cockatiel, macaw, songbird, blue jay, seabird
cat < animal: kitten, kitty, feline, tabby, tomcat, siamese, calico cat, pussycat
dog < animal: puppy, pup, canine, doggy, hound, terrier, poodle, bulldog, retriever, labrador, dachshund, pug, husky, beagle, corgi, collie, spaniel, chihuahua, dalmatian, shepherd, sheepdog, mutt, greyhound, rottweiler, golden retriever, german shepherd, shih tzu, pitbull, schnauzer, dane, mastiff, lab
horse < animal: pony, foal, stallion, mare, colt, mustang, equine, bronco, steed
sheep < animal: lamb, ram, ewe, goat, =sheep
cow < animal: bull, calf, ox, =cattle, steer, heifer, bison, buffalo, bovine, longhorn, livestock
elephant < animal: tusker, pachyderm
bear < animal: grizzly, polar bear, panda, cub, grizzly bear, brown bear, black bear, koala
zebra < animal:
giraffe < animal:
backpack < bag: knapsack, rucksack, back pack, bookbag, daypack, haversack
umbrella: parasol, canopy, sunshade
handbag < bag: purse, pocketbook, clutch, tote, shoulder bag, satchel, hand bag, tote bag, messenger bag
tie: necktie, bow tie, bowtie, neck tie
suitcase < bag: luggage, briefcase, =baggage, trunk, suit case, duffel, valise
frisbee: disc, disk, flying disc, flying disk
skis: ski, =skis
snowboard: snow board, snowboarding
sports ball < toy: ball, soccer ball, football, basketball, baseball, volleyball, tennis ball, softball, rugby ball, golf ball, beach ball
kite < toy: parasail, hang glider, parachute
baseball bat: bat
baseball glove: mitt, glove, catcher's mitt, baseball mitt
skateboard: skate board, longboard, board
surfboard: surf board, bodyboard, paddleboard, boogie board, paddle board, board, wakeboard
tennis racket: racket, racquet, tennis racquet, paddle
bottle < container: flask, beer bottle, water bottle, wine bottle, jug, beer
wine glass < container: goblet, glass, wineglass, champagne flute, champagne glass, wine, flute, stemware
cup < container: mug, teacup, glass, coffee cup, tumbler, beaker, coffee mug, tea cup, paper cup, measuring cup, beverage, drink, coffee
fork < utensil:
knife < utensil: =knives, dagger, blade, cleaver, machete
spoon < utensil: ladle, teaspoon, tablespoon, wooden spoon
bowl < container: basin
banana < fruit: plantain
apple < fruit:
sandwich < food: burger, hamburger, cheeseburger, panini, sub, wrap, hoagie, slider, bagel, burrito, bun, toast, gyro, biscuit, croissant
orange < fruit: =oranges, tangerine, clementine, mandarin, citrus, =citruses
broccoli < vegetable: floret
carrot < vegetable: =carrots
hot dog < food: hotdog, sausage, frankfurter, wiener, bratwurst, chili dog, corn dog
pizza < food: slice of pizza, calzone, pepperoni pizza
donut < food: doughnut, bagel, pastry, cruller
cake < food: cupcake, cheesecake, birthday cake, wedding cake, brownie, gateau, dessert, pie, pastry, shortcake
chair < furniture: seat, stool, armchair, recliner, rocking chair, highchair, high chair, wheelchair, lounge chair, barstool, bar stool, lounger, folding chair, beach chair, lawn chair, office chair, seating, ottoman, deck chair
couch < furniture: sofa, loveseat, settee, futon, love seat, divan, seating
potted plant < plant: houseplant, house plant, flower pot, pot plant, plant, flowerpot, fern, cactus, shrub, planter, bush, flower, bonsai, succulent
bed < furniture: mattress, crib, bunk, cot, bunk bed, hammock, =bedding, futon, pillow
dining table < furniture: table, tabletop, desk, counter, countertop, coffee table, picnic table, table top, kitchen table, end table, nightstand, bar, workbench, island, buffet
toilet: commode, urinal, lavatory, latrine, bidet, restroom, bathroom
tv < electronics: television, monitor, screen, television set, flat screen, flatscreen, tv set, tv screen, display
laptop < electronics: notebook, laptop computer, computer, notebook computer, macbook, chromebook, netbook
mouse < electronics: computer mouse, mouse pad, mousepad, mice, trackpad, trackball
remote < electronics: remote control, controller, wii remote, game controller, wiimote, wii controller, wii, video game controller, nunchuck, joystick, clicker
keyboard < electronics: computer keyboard, keypad
cell phone < electronics: phone, cellphone, mobile phone, smartphone, telephone, iphone, cellular phone, mobile, blackberry, smart phone, flip phone, headset, device
microwave < appliance: microwave oven
oven < appliance: stove, range, cooker, stovetop, stove top, fireplace
toaster < appliance: toaster oven
sink: washbasin, basin, wash basin, faucet
refrigerator < appliance: fridge, freezer, icebox, mini fridge, cooler
book: notebook, novel, textbook, magazine, booklet, cookbook, binder, album, bookshelf, bookcase
clock: wristwatch, alarm clock, clock tower, timepiece, watch, clocktower, clock face
vase < container: urn, pot, pitcher, jar, planter
scissors: scissor, shear, =scissors, clipper
teddy bear < toy: stuffed bear, teddy, stuffed animal, plush, stuffed toy, bear, plush toy, plushie, doll, toy, toy bear
hair drier: hair dryer, blow dryer, hairdryer, blowdryer, dryer, drier
toothbrush: tooth brush, electric toothbrush
"""
"""The 80 classes, with which pictures of COCO are annotated throughout: what is not there was looked for and not found."""

OTHER: Final = """
monkey < animal: ape, chimpanzee, gorilla, baboon, orangutan
lion < animal: lioness, big cat
tiger < animal: tigress
leopard < animal: cheetah, jaguar, panther
deer < animal: elk, moose, antelope, reindeer, gazelle, stag, fawn, impala, caribou, kudu, wildebeest
camel < animal: llama, alpaca, dromedary
rabbit < animal: bunny, hare
squirrel < animal: chipmunk
mouse animal < animal: rat, hamster, mouse, rodent, guinea pig
pig < animal: hog, boar, piglet, swine
donkey < animal: mule
fox < animal: wolf, coyote, jackal, dingo
kangaroo < animal: wallaby
hippo < animal: hippopotamus, =hippopotamuses
rhino < animal: rhinoceros, =rhinoceros
crocodile < animal: alligator
turtle < animal: tortoise
snake < animal: python, cobra
frog < animal: toad
lizard < animal: iguana, gecko, chameleon
fish < animal: shark, goldfish, salmon, trout, =fish
whale < animal: dolphin, orca
seal < animal: sea lion, walrus
butterfly < animal: moth
bee < animal: wasp, hornet, bumblebee
spider < animal: tarantula
snail < animal: slug
crab < animal: lobster
octopus < animal: squid, jellyfish
hedgehog < animal: porcupine
raccoon < animal: skunk, badger
helicopter < vehicle: chopper
hot air balloon < vehicle:
tractor < vehicle: bulldozer, excavator, backhoe
ambulance < vehicle:
wagon < vehicle: carriage, cart, chariot, buggy, rickshaw, wheelbarrow, trolley, stroller
tank < vehicle:
rocket < vehicle: spaceship, missile
submarine < vehicle:
sled < vehicle: sleigh, toboggan, snowmobile
unicycle < vehicle:
wheelchair < vehicle:
stroller < vehicle: pram, baby carriage, pushchair
guitar < instrument: ukulele, banjo, electric guitar
piano < instrument: keyboard
violin < instrument: cello, fiddle
drum < instrument: drum set
trumpet < instrument: trombone, saxophone, tuba
flute < instrument: clarinet
accordion < instrument: harmonica
harp < instrument:
lighthouse: beacon
windmill: wind turbine
castle: fortress
pyramid:
statue: sculpture, monument, figurine, bust
fountain:
bridge: overpass, viaduct
waterfall:
volcano:
tent: canopy, tarp, teepee
ladder: stepladder
candle: candlestick
chandelier:
telescope: binocular
camera: camcorder
microphone:
trophy:
sword: saber
gun: rifle, pistol, shotgun, firearm
bow and arrow: crossbow
balloon:
globe:
flag: banner, pennant
anchor:
basket < container: hamper
barrel < container: keg
bucket < container: pail
crown: tiara
mirror:
piggy bank:
robot:
scarecrow:
snowman:
chess: chessboard
dartboard: dart
surf kite:
trampoline:
swing: seesaw
slide:
treadmill: dumbbell, barbell
vacuum < appliance: vacuum cleaner
washing machine < appliance: washer, dishwasher
blender < appliance: mixer, food processor
kettle < appliance: teapot, tea kettle, coffee pot, coffee maker
iron < appliance: ironing board
lawn mower: lawnmower
chainsaw: saw
hammer: mallet, axe, hatchet
wrench: screwdriver
drill:
typewriter:
printer < electronics: scanner, copier
projector < electronics:
radio < electronics: stereo, boombox
headphones < electronics: headphone, earphone, earbud, =headphones, headset
pineapple < fruit:
strawberry < fruit: raspberry, blueberry, berry, cherry
watermelon < fruit: melon, cantaloupe
grape < fruit: =grapes
lemon < fruit: lime
pear < fruit:
peach < fruit: plum, apricot
mango < fruit: papaya
coconut < fruit:
kiwi < fruit:
avocado < fruit:
tomato < vegetable:
potato < vegetable: french fry, =fries
onion < vegetable: garlic
cucumber < vegetable: pickle, zucchini
mushroom < vegetable:
pumpkin < vegetable: squash, gourd
cabbage < vegetable: lettuce
corn < vegetable: maize
eggplant < vegetable:
ice cream < food: popsicle, gelato, ice cream cone
pancake < food: waffle, crepe
cookie < food: biscuit
sushi < food:
taco < food: nacho, quesadilla
pretzel < food:
popcorn < food:
spaghetti < food: pasta, noodle
steak < food: pork chop
shrimp < food: prawn
"""
"""Things that no one draws or names by the way, and that are missed where they are: who names them has seen them."""

WEAK: Final = """
hat: cap, helmet, beanie, visor, fedora, bonnet, beret, headband
glasses: sunglass, eyeglass, =glasses, =sunglasses, spectacle, goggle
shirt: jacket, coat, sweater, hoodie, blouse, vest, t-shirt, tshirt, jersey, uniform, suit, blazer, sweatshirt, clothes
pants: jeans, =jeans, =shorts, =trousers, =pants, skirt, legging
dress: gown, robe, kimono
shoe: boot, sneaker, sandal, slipper, heel, sock
scarf: shawl
necklace: bracelet, earring, jewelry
tree: palm tree, palm
lamp: lantern, lampshade
rug: carpet, mat
curtain: drape, blind
shelf: =shelves, cabinet, cupboard, bookshelf, bookcase, dresser, wardrobe, drawer
blanket: quilt, comforter, towel, sheet
pillow: cushion
box < container: carton, crate
plate < dish: saucer, platter, tray, dish, plating
pan: pot, skillet, wok, saucepan
napkin: tissue, paper towel
bag: sack, plastic bag, paper bag
painting: picture frame, poster, portrait, artwork
speaker: loudspeaker
wine: alcohol
bread: loaf, baguette
cheese: butter
meat: ham, bacon, beef, pork
egg: omelette
salad:
soup: stew
rice:
animal: wildlife, creature, pet, beast, mammal, herd
vehicle: transportation
food: meal, snack, dish, cuisine, dinner, lunch, breakfast
fruit: produce
vegetable: veggie, produce
furniture: furnishing
utensil: silverware, cutlery, eating utensil, flatware
appliance: kitchen appliance
electronics: electronic device, gadget, electronic
toy: plaything
container: canister
dish: tableware, dishware, crockery
instrument: musical instrument
plant: vegetation, flower, bush, greenery
"""
"""Things that annotators often leave out, and the names of kinds: what is not annotated may well be there."""

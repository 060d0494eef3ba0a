"""What a word brings with it that may be spoken of though it is not annotated itself. Made by hand for this project."""

from typing import Final

BRINGS: Final = """
skier: skis, ski pole
skiing: skis, person
snowboarder: snowboard
snowboarding: snowboard, person
surfer: surfboard
surfing: surfboard, person
skateboarder: skateboard
skateboarding: skateboard, person
skater: skateboard
cyclist: bicycle
bicyclist: bicycle
biker: bicycle, motorcycle
motorcyclist: motorcycle
driver: car, truck, bus
passenger: vehicle
batter: baseball bat
hitter: baseball bat
baseball: baseball bat, baseball glove, sports ball, person
pitcher: sports ball, baseball glove, person
catcher: baseball glove
umpire: person
tennis: tennis racket, sports ball, person
soccer: sports ball, person
football: person
basketball: person
volleyball: person
golf: sports ball
jockey: horse
cowboy: horse
rodeo: horse, cow
polo: horse
equestrian: horse, person
computer: keyboard, mouse, tv, laptop
laptop: keyboard
desktop: keyboard, mouse, tv
traffic: car, truck, bus, vehicle, motorcycle
parking: car
parked: car
highway: car
airport: airplane
runway: airplane
flight: airplane
meal: food, plate, fork, knife
dinner: food, plate, dining table
lunch: food
breakfast: food
place setting: plate, fork, knife, spoon
silverware: fork, knife, spoon
dishes: plate, bowl, cup
restaurant: person, dining table
wine: bottle, wine glass
beer: bottle, cup
coffee: cup
tea: cup
bouquet: potted plant
flower: potted plant
floral: potted plant
luggage: suitcase, backpack, handbag, bag
baggage: suitcase, backpack, handbag, bag
bag: handbag, backpack, suitcase
purse: bag
game: person
gaming: remote
wii: remote, person
nintendo: remote
player: person
playing: person
office: person
birthday: cake
wedding: person
kitchen: sink
bathroom: sink, toilet
restroom: sink, toilet
train: person
station: person
railway: train
railroad: train
tracks: train
sail: boat
marina: boat
harbor: boat
dock: boat
sled: person
parade: person
market: person
clothes: shirt
selfie: person, cell phone
hand: person
hands: person
face: person
arm: person
his: person
her: person
he: person
she: person
desk: dining table
counter: dining table
seat: bench, chair, couch
stuffed: teddy bear
plush: teddy bear
bakery: food, cake, donut
fries: food
pepperoni: pizza
mozzarella: pizza
riding: person
rides: person
wearing: person
herd: animal
flock: animal, bird, sheep
farm: animal
zoo: animal
safari: animal
wildlife: animal
trunks: elephant
tusks: elephant
saddle: horse
hooves: horse
foal: horse
wool: sheep
antlers: deer
wings: bird, airplane
beak: bird
feathers: bird
leash: dog
umbrellas: umbrella
screen: tv, laptop, cell phone
stoplight: traffic light
intersection: traffic light
crosswalk: traffic light, person
"""
"""What may be spoken of where a word stands: a skier has skis, and who is playing tennis has a racket."""

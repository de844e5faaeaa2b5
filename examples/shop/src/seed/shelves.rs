//! What the shop could sell: the words that products are put together from.

/// A category and everything its products are made of.
pub(super) struct Shelf {
    pub(super) slug: &'static str,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) makers: &'static [&'static str],
    pub(super) finishes: &'static [&'static str],
    pub(super) kinds: &'static [Kind],
}

/// One thing, of which every maker has some.
pub(super) struct Kind {
    pub(super) noun: &'static str,
    /// Completes "The {name} is …".
    pub(super) about: &'static str,
    /// What it costs, in whole euros, from and to.
    pub(super) euros: (u32, u32),
    /// Sentences of which each product gets two.
    pub(super) details: &'static [&'static str],
}

/// Names of series, shared by all makers.
pub(super) const SERIES: &[&str] = &[
    "Alder", "Birk", "Cairn", "Delta", "Ember", "Fjell", "Grove", "Heath", "Isle", "Juniper",
    "Kestrel", "Linden", "Moor",
];

const fn kind(
    noun: &'static str,
    about: &'static str,
    euros: (u32, u32),
    details: &'static [&'static str],
) -> Kind {
    Kind {
        noun,
        about,
        euros,
        details,
    }
}

pub(super) const SHELVES: &[Shelf] = &[
    Shelf {
        slug: "coffee",
        name: "Coffee and tea",
        about: "Kettles, grinders and everything else between the bean and the cup.",
        makers: &["Brunner & Sohn", "Kaffia", "Osterlund", "Tazza Viva"],
        finishes: &["matt black", "brushed steel", "copper", "cream"],
        kinds: &[
            kind(
                "gooseneck kettle",
                "a kettle with a thin, slow spout, made for pouring over coffee",
                (39, 129),
                &[
                    "Holds 0.9 litres and pours without dripping.",
                    "The handle stays cool while the water boils.",
                    "A thermometer in the lid shows when to pour.",
                    "Works on gas, electric and induction hobs.",
                ],
            ),
            kind(
                "hand grinder",
                "a burr grinder that runs on your arm and fits into a rucksack",
                (45, 189),
                &[
                    "Conical steel burrs, adjustable in 36 steps.",
                    "Grinds 25 grams in about forty seconds.",
                    "Comes apart for cleaning without tools.",
                    "Two ball bearings keep the shaft from wobbling.",
                ],
            ),
            kind(
                "moka pot",
                "a stove-top pot for six small, strong cups",
                (24, 69),
                &[
                    "The safety valve can be opened and cleaned.",
                    "Seals are a standard size and easy to replace.",
                    "Never needs more than a rinse with hot water.",
                    "The funnel can be turned down to brew three cups.",
                ],
            ),
            kind(
                "teapot",
                "a pot with a strainer wide enough for leaves to open in",
                (29, 95),
                &[
                    "Holds 1.2 litres, enough for four cups.",
                    "The lid stays on when you pour the last cup.",
                    "The strainer lifts out, so tea does not go bitter.",
                    "Safe in the dishwasher.",
                ],
            ),
            kind(
                "storage tin",
                "an airtight tin that keeps half a kilo of coffee fresh",
                (14, 42),
                &[
                    "A valve lets gas out and no air in.",
                    "The inner lid presses the air out of the tin.",
                    "Stacks with others of its series.",
                    "Comes with labels and a pencil that writes on them.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "knives",
        name: "Kitchen knives",
        about: "Blades for people who cook every day, and what keeps them sharp.",
        makers: &["Aoyama", "Steinbach", "Couteau Noir", "Ridgeway"],
        finishes: &[
            "walnut handle",
            "olive handle",
            "black micarta handle",
            "oak handle",
        ],
        kinds: &[
            kind(
                "chef's knife, 20 cm",
                "the one knife you would keep if you could keep only one",
                (59, 289),
                &[
                    "Ground thin behind the edge, at 15 degrees a side.",
                    "The balance lies exactly at the bolster.",
                    "Hardened to 60 HRC, so the edge lasts for months.",
                    "The spine is rounded where your finger rests.",
                ],
            ),
            kind(
                "paring knife, 9 cm",
                "a small knife for work in the hand: peeling, trimming, coring",
                (19, 89),
                &[
                    "Light enough to forget that you hold it.",
                    "The tip is stiff enough to take the eyes out of potatoes.",
                    "Full tang, two rivets.",
                    "Comes with a sheath of beech.",
                ],
            ),
            kind(
                "bread knife, 24 cm",
                "a long serrated knife that opens a crust without crushing what is under it",
                (35, 149),
                &[
                    "Wide scallops do not tear soft bread.",
                    "The offset handle keeps your knuckles off the board.",
                    "Resharpened by the maker, once, without charge.",
                    "Also good for pineapples and tomatoes.",
                ],
            ),
            kind(
                "whetstone",
                "a double-sided water stone, one side to sharpen and one to polish",
                (29, 110),
                &[
                    "Grits 1000 and 6000.",
                    "Needs five minutes in water before use.",
                    "The rubber base does not slip on a wet board.",
                    "With a short guide to angles and strokes.",
                ],
            ),
            kind(
                "chopping board",
                "an end-grain board that is kind to edges",
                (39, 159),
                &[
                    "A groove on one side catches juice.",
                    "Forty by thirty centimetres, four centimetres thick.",
                    "Oiled twice before it leaves the workshop.",
                    "Grips are cut into both ends.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "stationery",
        name: "Paper and pens",
        about: "For notes, letters and lists that outlive their batteries.",
        makers: &[
            "Feder & Blatt",
            "Morrow Press",
            "Papelaria Lua",
            "Skrivbord",
        ],
        finishes: &["ink blue", "graphite", "moss", "terracotta"],
        kinds: &[
            kind(
                "notebook A5",
                "a thread-bound notebook of 192 numbered pages",
                (12, 34),
                &[
                    "Lies flat at every page.",
                    "Paper of 100 grams that fountain pens do not bleed through.",
                    "With an index, two ribbons and a pocket.",
                    "Dotted at five millimetres, pale enough to disappear.",
                ],
            ),
            kind(
                "fountain pen",
                "a pen for every day, with a nib that forgives",
                (24, 165),
                &[
                    "Steel nib, medium, swapped in seconds.",
                    "Takes cartridges, and comes with a converter.",
                    "The cap closes with a click and seals for weeks.",
                    "Weighs 18 grams without its cap.",
                ],
            ),
            kind(
                "mechanical pencil",
                "a drafting pencil with a sleeve that slides back into the barrel",
                (9, 58),
                &[
                    "Leads of 0.5 millimetres.",
                    "Knurled grip of brass.",
                    "An eraser that is worth the name sits under the cap.",
                    "Turns the lead as you write, so that lines stay thin.",
                ],
            ),
            kind(
                "desk pad",
                "a pad for a week: seven columns, one page, no app",
                (11, 29),
                &[
                    "Fifty-two sheets, perforated at the top.",
                    "Recycled paper, printed with plant inks.",
                    "Undated, so no week is wasted.",
                    "Thick card at the back keeps it flat.",
                ],
            ),
            kind(
                "pencil case",
                "a rolled case with twelve loops and a flap that keeps points in",
                (16, 49),
                &[
                    "Waxed canvas, sewn with linen thread.",
                    "Ties instead of a zip: nothing to break.",
                    "Loops in three widths.",
                    "Softens with use and can be washed cold.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "cycling",
        name: "Cycling",
        about: "Lights, locks and luggage for bicycles that are ridden in all weathers.",
        makers: &["Velora", "Tramont", "Halden Cycles", "Pedro Pinto"],
        finishes: &["black", "reflective grey", "signal red", "forest green"],
        kinds: &[
            kind(
                "front light",
                "a light to see by, with a beam that does not dazzle",
                (29, 119),
                &[
                    "80 lux, cut off cleanly at the top.",
                    "Twelve hours at half power.",
                    "Charges by USB-C in two hours.",
                    "Rain, spray and the odd fall do not trouble it.",
                ],
            ),
            kind(
                "pannier, 20 litres",
                "a roll-top bag that clicks onto any rack",
                (49, 145),
                &[
                    "Welded seams: waterproof, not water-resistant.",
                    "Hooks adjust to tubes of 8 to 16 millimetres.",
                    "A shoulder strap hides in the back.",
                    "Spare parts are sold for ten years.",
                ],
            ),
            kind(
                "folding lock",
                "a lock of hardened plates that folds to the size of a hand",
                (39, 129),
                &[
                    "Ninety centimetres around.",
                    "Two keys, and a code with which to order more.",
                    "Coated, so that it does not scratch the frame.",
                    "The holder fits the screws of a bottle cage.",
                ],
            ),
            kind(
                "floor pump",
                "a pump of steel with a gauge you can read standing up",
                (25, 89),
                &[
                    "Up to 11 bar, for all valves without an adapter.",
                    "The hose reaches around the wheel.",
                    "Every seal can be replaced.",
                    "The foot folds away for the cellar.",
                ],
            ),
            kind(
                "saddle",
                "a saddle for upright riding that breaks in within a week",
                (45, 139),
                &[
                    "The cut-out relieves where it should.",
                    "Rails of steel, clamps of 7 millimetres.",
                    "A rain cover is tied to the rails.",
                    "Thirty days to bring it back ridden.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "camping",
        name: "Camping",
        about: "What you carry on your back and are glad of in the evening.",
        makers: &["Norrland", "Basecamp Supply", "Sierra Clara", "Wren & Pine"],
        finishes: &["sand", "slate", "rust", "pine green"],
        kinds: &[
            kind(
                "two-person tent",
                "a tent that stands in four minutes, inside first or outside first",
                (149, 489),
                &[
                    "Weighs 1.9 kilograms with all pegs.",
                    "Two doors and two porches: nobody climbs over anybody.",
                    "A water column of 3,000 millimetres.",
                    "Poles of aluminium, with a sleeve for repairs.",
                ],
            ),
            kind(
                "sleeping mat",
                "a mat of six centimetres that blows up with twelve breaths",
                (45, 179),
                &[
                    "R-value 4.2: three seasons.",
                    "Quiet, as mats go.",
                    "The valve opens wide, so it packs in a minute.",
                    "Patches and glue are in the bag.",
                ],
            ),
            kind(
                "gas stove",
                "a burner the size of a fist that boils half a litre in two minutes and a half",
                (29, 109),
                &[
                    "The supports fold out and hold pans up to 20 centimetres.",
                    "Simmers as well as it boils.",
                    "Lights with a spark, or with a match in the wind.",
                    "Takes threaded cartridges of any maker.",
                ],
            ),
            kind(
                "headlamp",
                "a lamp for reading in a tent and walking out of a forest",
                (25, 95),
                &[
                    "400 lumens, and red light for map and friends.",
                    "Locks, so that it does not shine into your rucksack.",
                    "Runs on its battery or on three AAA cells.",
                    "Seventy-five grams with its strap.",
                ],
            ),
            kind(
                "cooking set",
                "two pots, a pan and a lid that pack into one another",
                (35, 119),
                &[
                    "Hard-anodised, without a coating that flakes.",
                    "Handles lock in place and lie flat.",
                    "A stove and a cartridge fit inside.",
                    "Marks at every quarter of a litre.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "garden",
        name: "Garden",
        about: "Tools that are passed on, and seeds that are sown again.",
        makers: &["Oldacre", "De Tuinman", "Grünwerk", "Terra Madre"],
        finishes: &["ash handle", "long handle", "short handle", "beech handle"],
        kinds: &[
            kind(
                "digging spade",
                "a forged spade with treads that do not cut into boots",
                (39, 119),
                &[
                    "Blade and socket are one piece of steel.",
                    "Sharpened at the factory; a file keeps it so.",
                    "The shaft can be replaced.",
                    "For people from 160 to 185 centimetres.",
                ],
            ),
            kind(
                "pruning shears",
                "shears that cut up to 22 millimetres and come apart for grinding",
                (25, 79),
                &[
                    "The blade is replaceable, and so is the spring.",
                    "A notch for wire saves the edge.",
                    "Closes with one thumb.",
                    "A left-handed version costs the same.",
                ],
            ),
            kind(
                "watering can",
                "a can of zinc with a rose so fine that seedlings stay where they are",
                (29, 89),
                &[
                    "Nine litres, balanced when full and when empty.",
                    "The rose comes off for cleaning.",
                    "The seams are soldered, not glued.",
                    "Weathers to grey within a summer.",
                ],
            ),
            kind(
                "hand fork",
                "a short fork for weeds with long roots",
                (14, 45),
                &[
                    "Three prongs of stainless steel.",
                    "Earth does not stick to it.",
                    "A leather loop to hang it by.",
                    "Guaranteed not to bend for ten years.",
                ],
            ),
            kind(
                "cold frame",
                "a frame that brings spring forward by four weeks",
                (79, 219),
                &[
                    "Larch that needs no paint.",
                    "The lid stands open in three positions.",
                    "Double-walled panes hold the night's warmth.",
                    "One metre by sixty centimetres.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "lamps",
        name: "Lamps",
        about: "Light where it is wanted, and dark where it is not.",
        makers: &["Lumen & Co.", "Atelier Soir", "Nattlys", "Faro Bianco"],
        finishes: &["opal glass", "brass", "white", "smoked glass"],
        kinds: &[
            kind(
                "desk lamp",
                "a lamp on two joints that stays where you leave it",
                (59, 249),
                &[
                    "Dims from reading to barely there, without flicker.",
                    "Colour rendering above 95.",
                    "A clamp and a foot are both in the box.",
                    "The source can be changed by hand.",
                ],
            ),
            kind(
                "pendant",
                "a lamp to hang over a table, low enough to see each other under",
                (79, 329),
                &[
                    "Two metres of textile cable, shortened without tools.",
                    "For bulbs up to 60 watts, or LED.",
                    "Thirty-two centimetres across.",
                    "Blown, so that no two are quite the same.",
                ],
            ),
            kind(
                "bedside lamp",
                "a small lamp whose switch you find in the dark",
                (39, 139),
                &[
                    "Warm light of 2,200 kelvin.",
                    "A touch turns it on, a longer one dims it.",
                    "The cable is long enough for beds in the middle of a room.",
                    "Remembers how bright it was.",
                ],
            ),
            kind(
                "floor lamp",
                "a lamp that leans over a chair and turns to the ceiling for guests",
                (99, 389),
                &[
                    "The foot weighs seven kilograms.",
                    "Two sources, switched apart.",
                    "One hundred and sixty centimetres high.",
                    "The head turns by 300 degrees.",
                ],
            ),
            kind(
                "garden lantern",
                "a lantern that charges by day and lasts through dinner",
                (29, 109),
                &[
                    "Six hours after a sunny day, three after a grey one.",
                    "Stands, hangs, or sticks in the ground.",
                    "The battery is an ordinary cell and can be replaced.",
                    "Made for rain.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "bedding",
        name: "Beds and linen",
        about: "Linen, wool and down for the third of life that is spent asleep.",
        makers: &["Vallmo", "Haus Leinen", "Bergamo Tessile", "Thistle & Down"],
        finishes: &["natural white", "dusk blue", "clay", "sage"],
        kinds: &[
            kind(
                "linen duvet cover",
                "a cover of washed linen that is soft from the first night",
                (89, 219),
                &[
                    "Flax from Normandy, woven in Portugal.",
                    "Closes with buttons of shell.",
                    "Washes at 60 degrees and needs no iron.",
                    "One hundred and thirty-five by two hundred centimetres.",
                ],
            ),
            kind(
                "wool blanket",
                "a blanket of new wool for the sofa, the balcony and the car",
                (69, 229),
                &[
                    "Fringes twisted by hand.",
                    "Air it instead of washing it.",
                    "Spun and woven within forty kilometres.",
                    "One hundred and thirty by one hundred and eighty centimetres.",
                ],
            ),
            kind(
                "pillow",
                "a pillow that can be opened to take out what is too much",
                (35, 149),
                &[
                    "Comes with a bag for the filling you take out.",
                    "The cover is dense enough for feathers and thin enough for sleep.",
                    "Washable at 60 degrees.",
                    "Eighty by forty centimetres.",
                ],
            ),
            kind(
                "fitted sheet",
                "a sheet of cotton satin that stays on high mattresses",
                (29, 89),
                &[
                    "For mattresses up to 30 centimetres.",
                    "Elastic all around, not only in the corners.",
                    "A label says which side is the long one.",
                    "Does not pill.",
                ],
            ),
            kind(
                "bathrobe",
                "a robe of waffle cotton with pockets that hold a book",
                (49, 139),
                &[
                    "Dries within two hours on a line.",
                    "A loop that does not tear.",
                    "Three sizes, cut generously.",
                    "Shrinks by nothing after the first wash.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "toys",
        name: "Toys and games",
        about: "For rainy Sundays, with as few batteries as possible.",
        makers: &["Holzwurm", "Petit Navire", "Klocka", "Marble Lane"],
        finishes: &["maple", "painted", "travel size", "large"],
        kinds: &[
            kind(
                "building blocks",
                "a box of blocks that fit one another in both directions",
                (29, 119),
                &[
                    "One hundred pieces in eleven shapes.",
                    "Oils that may be chewed on.",
                    "The box is a waggon as well.",
                    "From twelve months to ninety-nine years.",
                ],
            ),
            kind(
                "wooden train",
                "an engine with three waggons and four metres of track",
                (39, 149),
                &[
                    "The magnets turn, so every waggon couples with every other.",
                    "Fits the tracks of other makers.",
                    "Two bridges, one set of points.",
                    "Quiet on floors.",
                ],
            ),
            kind(
                "chess set",
                "a set with weighted pieces and a board that folds around them",
                (35, 189),
                &[
                    "The king is 76 millimetres high.",
                    "Felt under every piece.",
                    "A spare queen for each side.",
                    "Squares of 40 millimetres.",
                ],
            ),
            kind(
                "marble run",
                "a run of ramps and funnels that is different every time",
                (45, 159),
                &[
                    "Sixty-two parts and twelve marbles.",
                    "Stands on carpets, too.",
                    "Ideas for ten runs, from easy to a whole afternoon.",
                    "Lost parts are sent for the postage.",
                ],
            ),
            kind(
                "card game",
                "a game for two to five that is explained in three minutes",
                (9, 25),
                &[
                    "A round lasts twenty minutes.",
                    "One hundred and ten cards with linen finish.",
                    "Rules in six languages.",
                    "Grown-ups do not have to lose on purpose.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "music",
        name: "Music",
        about: "Instruments to begin on, and things for those who did.",
        makers: &["Corda", "Northfield", "Salon Bleu", "Tonwerk"],
        finishes: &["spruce", "mahogany", "sunburst", "natural"],
        kinds: &[
            kind(
                "ukulele",
                "a concert ukulele that stays in tune in a warm room",
                (49, 239),
                &[
                    "Geared tuners, eighteen frets.",
                    "With a bag, and strings already on.",
                    "Scale of 380 millimetres.",
                    "Set up by hand before it is sent.",
                ],
            ),
            kind(
                "metronome",
                "a metronome that winds up and does not need to be charged",
                (25, 95),
                &[
                    "From 40 to 208 beats a minute.",
                    "A bell on every second, third, fourth or sixth beat.",
                    "Runs for eighteen minutes.",
                    "The works come from a maker of clocks.",
                ],
            ),
            kind(
                "kalimba",
                "a thumb piano of seventeen tongues on which nothing sounds wrong",
                (25, 99),
                &[
                    "In C, and a hammer to change that.",
                    "The hole at the back makes a vibrato.",
                    "Notes are engraved on the tongues.",
                    "With a songbook of thirty songs.",
                ],
            ),
            kind(
                "music stand",
                "a stand that carries a full score and folds to a stick",
                (19, 79),
                &[
                    "Holds three kilograms without sinking.",
                    "From 60 to 155 centimetres.",
                    "Clips for windy stages.",
                    "Rubber feet do not mark floors.",
                ],
            ),
            kind(
                "record brush",
                "a brush of carbon fibre that takes the dust and its charge away",
                (12, 39),
                &[
                    "A million fibres, each thinner than a groove.",
                    "The handle cleans the brush.",
                    "Two turns before each side are enough.",
                    "With a sleeve of felt.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "workshop",
        name: "Workshop",
        about: "Tools for making things, and for making them last.",
        makers: &["Eisenhart", "Brook & Mallet", "Officina Torino", "Svarv"],
        finishes: &["standard", "with case", "left-handed", "large"],
        kinds: &[
            kind(
                "screwdriver set",
                "eight drivers whose tips do not slip out",
                (25, 99),
                &[
                    "Hardened through, not only at the tip.",
                    "Handles show size and profile on top.",
                    "A hexagon at the shaft takes a spanner.",
                    "The rack can be screwed to a wall.",
                ],
            ),
            kind(
                "block plane",
                "a low-angle plane for end grain, edges and doors that stick",
                (49, 219),
                &[
                    "The sole is flat within three hundredths of a millimetre.",
                    "The mouth is adjustable.",
                    "Sharp when it arrives.",
                    "Body of ductile iron, which survives a fall.",
                ],
            ),
            kind(
                "hand saw",
                "a saw that cuts on the pull and leaves an edge like a planed one",
                (19, 79),
                &[
                    "Blades are changed with one screw.",
                    "Fifteen teeth to the inch.",
                    "The handle is bound with rattan.",
                    "Cuts flush without scratching.",
                ],
            ),
            kind(
                "bench vice",
                "a vice that is fixed without a single hole in the table",
                (59, 189),
                &[
                    "Opens to 95 millimetres.",
                    "Jaws with soft covers and with hard ones.",
                    "Turns and locks in any direction.",
                    "Weighs 4.6 kilograms.",
                ],
            ),
            kind(
                "tool roll",
                "a roll of waxed canvas with sixteen pockets",
                (29, 95),
                &[
                    "Double-sewn where tools bite.",
                    "Closes with two leather straps.",
                    "A flap keeps everything in when it hangs.",
                    "Sixty centimetres wide when open.",
                ],
            ),
        ],
    },
    Shelf {
        slug: "books",
        name: "Books to work from",
        about: "Handbooks that lie open on the table with a stain on page forty.",
        makers: &[
            "Harbour Books",
            "Verlag am Deich",
            "Editions du Quai",
            "Common Press",
        ],
        finishes: &["hardback", "paperback", "spiral-bound", "with workbook"],
        kinds: &[
            kind(
                "bread handbook",
                "a course in baking from flat bread to sourdough in twenty loaves",
                (19, 45),
                &[
                    "Every recipe in grams and in percentages.",
                    "Photographs of what went wrong, and why.",
                    "A timetable for people with a job.",
                    "Two hundred and forty pages.",
                ],
            ),
            kind(
                "field guide to birds",
                "a guide to four hundred birds by what you see first",
                (17, 39),
                &[
                    "Maps for winter and summer.",
                    "Songs described in words, and by a code to listen to.",
                    "Fits a coat pocket.",
                    "Similar birds stand on the same page.",
                ],
            ),
            kind(
                "knot book",
                "sixty knots, of which you will use eight and enjoy the rest",
                (12, 29),
                &[
                    "Each step drawn, never photographed.",
                    "Two metres of rope are included.",
                    "Sorted by what a knot is for.",
                    "Says which knots not to trust.",
                ],
            ),
            kind(
                "drawing course",
                "thirty lessons of half an hour, beginning with a chair",
                (18, 42),
                &[
                    "Needs a pencil and nothing else.",
                    "Exercises that cannot be done wrong.",
                    "Room to draw in the book itself.",
                    "Written by three teachers who disagree.",
                ],
            ),
            kind(
                "repair manual",
                "how to mend a hundred things before buying them again",
                (21, 49),
                &[
                    "From zips to washing machines.",
                    "Difficulty, time and tools stand at the top of each page.",
                    "Says plainly when to leave it to others.",
                    "With drawings that explode.",
                ],
            ),
        ],
    },
];

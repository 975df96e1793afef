/**
 * Words that neither WordNet 3.1 nor the 20,000 most frequent of Wikipedia's words of 2012 have: of today's captions and
 * chats, irregular forms (WordNet's npm package comes without its lists of them), English words written with accents.
 * Plurals follow from these.
 */
export const NEW_WORDS: readonly string[] = (
  "selfie emoji hashtag smartphone smartwatch livestream vlog vlogger youtuber esports cosplay cosplayer chatbot blockchain cryptocurrency bitcoin hoverboard quadcopter ebook upcycle " +
  "compostable steampunk fintech coworking crowdfunding infographic clipart mockup favicon barcode touchpad earbuds powerbank dashcam photobomb photobooth timelapse bokeh " +
  "hoodie jeggings onesie tankini crossbody snapback athleisure menswear womenswear streetwear barista macchiato frappuccino matcha kombucha ramen edamame kimchi bibimbap " +
  "gyoza fajita chimichanga quinoa tzatziki shawarma tikka masala macaron ciabatta focaccia bruschetta burrata sriracha microbrew mojito prosecco gelato superfood zumba crossfit " +
  "kettlebell parkour longboard kitesurfing paddleboard ziplining glamping staycation groomsmen backsplash barstool goldendoodle labradoodle cockapoo pitbull lipgloss balayage " +
  "rideshare motorhome campervan photoshoot screengrab airbnb bluetooth instagram whatsapp tiktok superheroine goodnight soulmate hardhat firetruck eyewear earbud bookbag tshirt xray " +
  "powerlifting deadlift bicep carb portobello sweetcorn pho arepa empanada gordita lavash onigiri boba matryoshka torii shinkansen bullseye checkmark wildcard keycap " +
  "inbox outbox backslash leftward leftwards rightward rightwards multitask lol lmao rofl roflmao omg smh brb ttyl idk yolo bff bestie homie bro bruh xoxo muah mwah ily " +
  "haha hahaha hehe ugh ouch yum yikes eek aww whoa woah meh congrats thx dunno facepalm lgbtq lgbtqia genderqueer nonbinary vape " +
  "geese hooves loaves scarves firemen snowmen craftsmen cacti crept clung froze knelt shone shrunk slid sprang strode swam swum swore trodden wept woke woken wrung " +
  "café jalapeño façade crème brûlée décor résumé fiancé fiancée piñata naïve entrée soufflé sauté sautéed purée pâté crêpe château cliché protégé rosé déjà mâché séance matinée fête " +
  "gruyère éclair doppelgänger über açaí appliqué flambé frappé macramé piqué touché habañero señor señora niño première"
).split(" ");

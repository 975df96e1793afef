/** Words of today's captions that neither WordNet 3.1 nor the 20,000 most frequent of Wikipedia's words of 2012 have; plurals follow from these. */
export const NEW_WORDS: readonly string[] = (
  "selfie emoji hashtag smartphone smartwatch livestream vlog vlogger youtuber esports cosplay cosplayer chatbot blockchain cryptocurrency bitcoin hoverboard quadcopter ebook upcycle " +
  "compostable steampunk fintech coworking crowdfunding infographic clipart mockup favicon barcode touchpad earbuds powerbank dashcam photobomb photobooth timelapse bokeh " +
  "hoodie jeggings onesie tankini crossbody snapback athleisure menswear womenswear streetwear barista macchiato frappuccino matcha kombucha ramen edamame kimchi bibimbap " +
  "gyoza fajita chimichanga quinoa tzatziki shawarma tikka masala macaron ciabatta focaccia bruschetta burrata sriracha microbrew mojito prosecco gelato superfood zumba crossfit " +
  "kettlebell parkour longboard kitesurfing paddleboard ziplining glamping staycation groomsmen backsplash barstool goldendoodle labradoodle cockapoo pitbull lipgloss balayage " +
  "rideshare motorhome campervan"
).split(" ");

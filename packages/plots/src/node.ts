export { writeGif, writePng } from "./images/write-images.js";
export { type RasterizeOptions, rasterize, rasterizePixels } from "./svg/rasterize.js";

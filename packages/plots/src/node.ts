export { type RasterizeOptions, rasterize, rasterizePixels } from "./rasterize.js";
export { writeGif } from "./write-gif.js";
export { writePng } from "./write-png.js";

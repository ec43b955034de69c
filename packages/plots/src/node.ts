export { type RasterizeOptions, rasterize } from "./rasterize.js";
export { writePng } from "./write-png.js";

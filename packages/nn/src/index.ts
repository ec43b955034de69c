// Registers the gradients of ordinary operations: a user of a layer should not have to know that tfjs-core has none.
import "@mmgen/nn/gradients";

export * from "./layers.js";

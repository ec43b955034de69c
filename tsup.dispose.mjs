/**
 * `Symbol.dispose` in every build of a package. A browser that lacks it would define the method `[Symbol.dispose]()` as one
 * named "undefined", and `using` would refuse the object. `using` as esbuild compiles it falls back to the same symbol.
 */
const dispose = Symbol.dispose ?? /* @__PURE__ */ Symbol.for("Symbol.dispose");

// The name under which esbuild's `inject` puts it in the place of the global one.
export { dispose as "Symbol.dispose" };

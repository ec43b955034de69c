export default {
  mode: "production",
  entry: "./src/main.js",
  output: { path: `${import.meta.dirname}/out`, filename: "main.js", publicPath: "", module: true },
  experiments: { outputModule: true },
  module: { rules: [{ test: /\.wasm$/, type: "asset/resource" }] },
  performance: { hints: false },
};

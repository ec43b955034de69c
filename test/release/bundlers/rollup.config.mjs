import commonjs from "@rollup/plugin-commonjs";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import url from "@rollup/plugin-url";

export default {
  input: "src/main.js",
  output: { file: "out/main.js", format: "es" },
  plugins: [nodeResolve({ browser: true }), commonjs(), url({ include: ["**/*.wasm"], limit: 0, publicPath: "" })],
};

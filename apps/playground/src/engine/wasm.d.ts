/** The URL of a file that the bundler puts beside the page. */
declare module "*.wasm" {
  const url: string;
  export default url;
}

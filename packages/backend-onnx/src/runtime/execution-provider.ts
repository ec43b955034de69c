/** One of ONNX Runtime's execution providers by name (`"cpu"`, `"webgpu"`, `"cuda"`, `"coreml"`, `"dml"`, `"wasm"`), with its options where it takes some. */
export type ExecutionProvider = string | { readonly name: string; readonly [option: string]: unknown };

/** The name of a provider. */
export function providerName(provider: ExecutionProvider): string {
  return typeof provider === "string" ? provider : provider.name;
}

/** Whether results of a provider can stay on its device and be fed from there. */
export function hasDeviceTensors(provider: ExecutionProvider): boolean {
  return providerName(provider) === "webgpu";
}

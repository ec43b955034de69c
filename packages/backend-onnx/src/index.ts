export {
  type ChooseDeviceOptions,
  chooseDevice,
  type DeviceChoice,
  type OnnxDevice,
  onnxDevices,
} from "./engine/choose-device.js";
export type { FallbackCounts } from "./engine/fallback.js";
export { localDeviceId } from "./engine/local-device-id.js";
export { OnnxBackend } from "./engine/onnx-backend.js";
export type { RuntimeName } from "./engine/open-runtime.js";
export type { OnnxBackendOptions } from "./engine/options.js";
export { registerOnnxBackend, type UseOnnxOptions, useOnnx } from "./engine/register-onnx-backend.js";
export { type ExportFilesOptions, exportOnnx, exportOnnxFiles } from "./export/export-onnx.js";
export type { ExportableFunction, ExportInput, ExportOptions, NamedTensorFunction } from "./export/export-options.js";
export type { ElementType, HostArray } from "./runtime/element-type.js";
export type { OrtModule, OrtSessionLike, OrtTensorConstructor, OrtTensorLike } from "./runtime/ort-module.js";
export { ortRuntime } from "./runtime/ort-runtime.js";
export type {
  ExecutionProvider,
  Runtime,
  RuntimeSession,
  RuntimeTensor,
  SessionOptions,
  SessionOutput,
} from "./runtime/runtime.js";
export type { SessionCacheInfo } from "./runtime/session-cache.js";
export type { CompileOptions } from "./trace/compile.js";
export type { TensorStructure } from "./trace/structure.js";

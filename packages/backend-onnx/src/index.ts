export type { FallbackCounts } from "./fallback.js";
export { OnnxBackend } from "./onnx-backend.js";
export type { OnnxBackendOptions } from "./options.js";
export { registerOnnxBackend } from "./register-onnx-backend.js";
export { type OrtModule, ortRuntime } from "./runtime/ort-runtime.js";
export type { Runtime, RuntimeSession, RuntimeTensor, SessionOptions } from "./runtime/runtime.js";
export type { SessionCacheInfo } from "./session-cache.js";
export { type ExportInput, type ExportOptions, exportOnnx } from "./trace/export-onnx.js";
export type { TensorStructure } from "./trace/structure.js";

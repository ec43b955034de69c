/** The backends the suite runs on, in this order. */
export const backends = {
  cpu: "tfjs-backend-cpu, the reference",
  corrected: "tfjs-backend-cpu, with the gradients of @mmgen/nn",
  none: "a backend without any kernel",
  onnx: "onnx, with the cpu fallback",
  "onnx-c-api": "onnx on ONNX Runtime's C API, with the cpu fallback",
  "onnx-alone": "onnx, without the fallback",
};

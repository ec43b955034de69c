import { registerOnnxBackend } from "./register-onnx-backend.js";

registerOnnxBackend();

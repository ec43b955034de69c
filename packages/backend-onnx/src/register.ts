import { registerOnnxBackend } from "./engine/register-onnx-backend.js";

registerOnnxBackend();

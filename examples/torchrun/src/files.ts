/** Files of a training's folder, as train.py reads and writes them. */
export const files = {
  examples: "examples.safetensors",
  model: "model.safetensors",
  gradients: "gradients.onnx",
  update: "update.onnx",
  state: "state.onnx",
  /** From here on train.py's. */
  held: "state.safetensors",
  trained: "trained.safetensors",
  history: "history.json",
} as const;

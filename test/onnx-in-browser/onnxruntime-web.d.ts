/** Installed only for this check: see main.mjs. */
declare module "onnxruntime-web";

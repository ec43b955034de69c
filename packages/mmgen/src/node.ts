export { type ExportToOptions, exportTo } from "./export/model-repository.js";
export { type CachedCodesOptions, cachedCodes } from "./folder/cached-codes.js";
export {
  clearCachedModels,
  listCachedModels,
  type NodeCachedModelsOptions,
  type NodeClearCachedModelsOptions,
} from "./folder/cached-models.js";
export { checkMemory, type MachineMemory } from "./folder/check-memory.js";
export { checkTrainings, type PlannedTraining } from "./folder/check-trainings.js";
export { folderReader, folderStore } from "./folder/folder-store.js";
export { loadUrl, type NodeLoadUrlOptions } from "./folder/load-url.js";
export type { ModelCardOptions } from "./folder/model-card.js";
export {
  type BackendLog,
  type CardOption,
  loadFrom,
  type SaveToOptions,
  saveTo,
  type TrainIntoOptions,
  trainInto,
} from "./folder/model-folder.js";
export {
  type BackendChoice,
  backendChoices,
  ensureBackend,
  type OnnxDevice,
  onnxDevices,
  type SelectBackendOptions,
  selectBackend,
} from "./folder/select-backend.js";

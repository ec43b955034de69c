export { checkMemory, type MachineMemory } from "./folder/check-memory.js";
export {
  type BackendLog,
  folderReader,
  folderStore,
  loadFrom,
  saveTo,
  type TrainIntoOptions,
  trainInto,
} from "./folder/model-folder.js";
export {
  type BackendChoice,
  backendChoices,
  ensureBackend,
  selectBackend,
  selectTrainingBackend,
} from "./folder/select-backend.js";

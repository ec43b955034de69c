/** What a function of ONNX Runtime's C API takes: an address, an array or bytes whose address is passed, or a number. */
export type Argument = bigint | number | string | ArrayBufferView | readonly string[] | null;

/**
 * Functions of ONNX Runtime's C API that answer a status: their place in the struct `OrtApi`, and their parameters.
 *
 * The struct only ever grows at its end, so places stay. Handles are `void*`; `PATH` is the system's string for paths.
 *
 * @see https://github.com/microsoft/onnxruntime/blob/main/include/onnxruntime/core/session/onnxruntime_c_api.h
 */
export const statusFunctions = {
  CreateSessionFromArray: [8, "void* env, const void* model, size_t bytes, void* options, void* out"],
  Run: [
    9,
    "void* session, void* options, void* inputNames, void* inputs, size_t inputCount, void* outputNames, size_t outputCount, void* outputs",
  ],
  CreateSessionOptions: [10, "void* out"],
  EnableProfiling: [14, "void* options, PATH prefix"],
  DisableMemPattern: [17, "void* options"],
  SetSessionLogSeverityLevel: [22, "void* options, int level"],
  SetSessionGraphOptimizationLevel: [23, "void* options, int level"],
  SetIntraOpNumThreads: [24, "void* options, int threads"],
  CreateRunOptions: [39, "void* out"],
  CreateTensorWithDataAsOrtValue: [
    49,
    "void* memory, void* data, size_t bytes, void* shape, size_t rank, int type, void* out",
  ],
  CreateMemoryInfo: [68, "const char* name, int allocator, int id, int memory, void* out"],
  AllocatorFree: [76, "void* allocator, void* memory"],
  GetAllocatorWithDefaultOptions: [78, "void* out"],
  SessionEndProfiling: [110, "void* session, void* allocator, void* out"],
  CreateEnvWithGlobalThreadPools: [119, "int level, const char* id, void* threading, void* out"],
  DisablePerSessionThreads: [120, "void* options"],
  CreateThreadingOptions: [121, "void* out"],
  AddSessionConfigEntry: [130, "void* options, const char* key, const char* value"],
  CreateAllocator: [131, "void* session, void* memory, void* out"],
  RunWithBinding: [133, "void* session, void* options, void* binding"],
  CreateIoBinding: [134, "void* session, void* out"],
  BindInput: [136, "void* binding, void* name, void* value"],
  BindOutput: [137, "void* binding, void* name, void* value"],
  BindOutputToDevice: [138, "void* binding, void* name, void* memory"],
  GetBoundOutputValues: [140, "void* binding, void* allocator, void* out, void* count"],
  SetGlobalIntraOpNumThreads: [147, "void* threading, int threads"],
  SetGlobalInterOpNumThreads: [148, "void* threading, int threads"],
  CreateArenaCfgV2: [164, "const char** keys, void* values, size_t count, void* out"],
  AddRunConfigEntry: [165, "void* options, const char* key, const char* value"],
  SessionOptionsAppendExecutionProvider_CUDA_V2: [204, "void* options, void* cuda"],
  CreateCUDAProviderOptions: [205, "void* out"],
  UpdateCUDAProviderOptions: [206, "void* cuda, const char** keys, const char** values, size_t count"],
  SessionOptionsAppendExecutionProvider: [
    216,
    "void* options, const char* name, const char** keys, const char** values, size_t count",
  ],
  CreateAndRegisterAllocatorV2: [
    259,
    "void* env, const char* provider, void* memory, void* arena, const char** keys, const char** values, size_t count",
  ],
  AllocatorGetStats: [319, "void* allocator, void* out"],
} as const;

/** Functions that answer nothing. */
export const procedures = {
  ReleaseEnv: [92, "void* env"],
  ReleaseStatus: [93, "void* status"],
  ReleaseMemoryInfo: [94, "void* memory"],
  ReleaseSession: [95, "void* session"],
  ReleaseValue: [96, "void* value"],
  ReleaseRunOptions: [97, "void* options"],
  ReleaseSessionOptions: [100, "void* options"],
  ReleaseThreadingOptions: [122, "void* threading"],
  ReleaseAllocator: [132, "void* allocator"],
  ReleaseIoBinding: [135, "void* binding"],
  ClearBoundInputs: [141, "void* binding"],
  ClearBoundOutputs: [142, "void* binding"],
  ReleaseArenaCfg: [157, "void* arena"],
  ReleaseCUDAProviderOptions: [208, "void* cuda"],
  GetKeyValuePairs: [298, "void* pairs, void* keys, void* values, void* count"],
  ReleaseKeyValuePairs: [300, "void* pairs"],
} as const;

// What stands in for CUDA's runtime: two cards whose memory is the host's. Copies and memory work, and a captured graph is
// the list of its copies; kernels do nothing. The layouts are those of CUDA 13's driver_types.h.
#include <stdlib.h>
#include <string.h>

enum { CARDS = 2, MOST_COPIES = 4096, OUT_OF_MEMORY = 2, DEVICE_MEMORY = 2 };
static const size_t cardBytes = (size_t)8 << 30;
static long taken[CARDS];
static int card;

long standInBytes(int of) { return taken[of]; }

// Memory on a card: its size and its card lie before it.
enum { HEAD = 256 };

int cudaMalloc(void **out, size_t size) {
  char *block;
  if (posix_memalign((void **)&block, HEAD, size + HEAD) != 0) return OUT_OF_MEMORY;
  ((size_t *)block)[0] = size;
  ((size_t *)block)[1] = card;
  // New memory holds anything but zeros.
  memset(block + HEAD, 0xab, size);
  taken[card] += size;
  *out = block + HEAD;
  return 0;
}

int cudaFree(void *memory) {
  if (memory == NULL) return 0;
  size_t *block = (size_t *)((char *)memory - HEAD);
  taken[block[1]] -= block[0];
  memset(memory, 0xcd, block[0]);
  free(block);
  return 0;
}

int cudaMallocHost(void **out, size_t size) { return posix_memalign(out, HEAD, size) == 0 ? 0 : OUT_OF_MEMORY; }
int cudaHostAlloc(void **out, size_t size, unsigned flags) { return cudaMallocHost(out, size); }
int cudaFreeHost(void *memory) { return free(memory), 0; }
int cudaMemGetInfo(size_t *left, size_t *all) { return *left = *all = cardBytes, 0; }
int cudaPointerGetAttributes(char *out, const void *memory) {
  memset(out, 0, 88);
  return *(int *)out = DEVICE_MEMORY, 0;
}

// A captured graph.
typedef struct { void *to; const void *from; size_t size; } Copy;
typedef struct { int count; Copy copies[MOST_COPIES]; } Graph;
static Graph *capturing;

int cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream) {
  if (capturing == NULL) return memcpy(to, from, size), 0;
  if (capturing->count == MOST_COPIES) return OUT_OF_MEMORY;
  return capturing->copies[capturing->count++] = (Copy){to, from, size}, 0;
}
int cudaMemcpy(void *to, const void *from, size_t size, int kind) { return memcpy(to, from, size), 0; }
int cudaMemset(void *to, int value, size_t size) { return memset(to, value, size), 0; }
int cudaMemsetAsync(void *to, int value, size_t size, void *stream) { return cudaMemset(to, value, size); }

int cudaStreamBeginCapture(void *stream, int mode) { return (capturing = calloc(1, sizeof(Graph))) ? 0 : OUT_OF_MEMORY; }
int cudaStreamIsCapturing(void *stream, int *out) { return *out = capturing != NULL, 0; }
int cudaStreamEndCapture(void *stream, Graph **out) { return *out = capturing, capturing = NULL, 0; }
int cudaGraphInstantiate(Graph **out, Graph *graph, unsigned long long flags) {
  *out = malloc(sizeof(Graph));
  return *out == NULL ? OUT_OF_MEMORY : (**out = *graph, 0);
}
int cudaGraphDestroy(Graph *graph) { return free(graph), 0; }
int cudaGraphExecDestroy(Graph *graph) { return free(graph), 0; }
int cudaGraphLaunch(Graph *graph, void *stream) {
  for (int i = 0; i < graph->count; i++) memcpy(graph->copies[i].to, graph->copies[i].from, graph->copies[i].size);
  return 0;
}

// Cards of compute capability 9.0.
int cudaGetDeviceCount(int *out) { return *out = CARDS, 0; }
int cudaGetDevice(int *out) { return *out = card, 0; }
int cudaSetDevice(int of) { return of < CARDS ? (card = of, 0) : 101; }
int cudaDriverGetVersion(int *out) { return *out = 13000, 0; }
int cudaRuntimeGetVersion(int *out) { return *out = 13000, 0; }
int cudaDeviceGetAttribute(int *out, int attribute, int of) {
  enum { WARP = 10, PROCESSORS = 16, MAJOR = 75, MINOR = 76 };
  *out = attribute == WARP ? 32 : attribute == PROCESSORS ? 4 : attribute == MAJOR ? 9 : attribute == MINOR ? 0 : 1024;
  return 0;
}
int cudaGetDeviceProperties(char *out, int of) {
  memset(out, 0, 1008);
  strcpy(out, "a stand-in");
  *(size_t *)(out + 288) = cardBytes;
  *(size_t *)(out + 296) = 48 << 10;
  *(int *)(out + 304) = 65536;
  *(int *)(out + 308) = 32;
  *(int *)(out + 320) = 1024;
  *(int *)(out + 360) = 9;
  *(int *)(out + 384) = 4;
  *(int *)(out + 604) = 2048;
  return 0;
}

// Streams and events are addresses.
static int handle(void **out) { return (*out = malloc(1)) ? 0 : OUT_OF_MEMORY; }
int cudaStreamCreate(void **out) { return handle(out); }
int cudaStreamCreateWithFlags(void **out, unsigned flags) { return handle(out); }
int cudaStreamDestroy(void *stream) { return free(stream), 0; }
int cudaEventCreate(void **out) { return handle(out); }
int cudaEventCreateWithFlags(void **out, unsigned flags) { return handle(out); }
int cudaEventDestroy(void *event) { return free(event), 0; }
int cudaLaunchHostFunc(void *stream, void (*run)(void *), void *with) { return run(with), 0; }

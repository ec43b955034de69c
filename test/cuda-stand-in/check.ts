import { create } from "@bufbuild/protobuf";
import { chooseDevice, type Runtime, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { cApiRuntime } from "../../packages/backend-onnx/src/c-api/c-api-runtime.js";
import { openEnvironment } from "../../packages/backend-onnx/src/c-api/environment.js";
import { loadKoffi } from "../../packages/backend-onnx/src/c-api/load-koffi.js";
import { capturing, resolveProviders } from "../../packages/backend-onnx/src/c-api/provider-options.js";
import { makeSessionOptions } from "../../packages/backend-onnx/src/c-api/session-options.js";
import { encodeModel, valueInfo } from "../../packages/backend-onnx/src/proto/model-file.js";
import { GraphProtoSchema, NodeProtoSchema } from "../../packages/backend-onnx/src/proto/onnx.generated.js";
import { deviceRuntime } from "../../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
import { onnxTypeCodes } from "../../packages/backend-onnx/src/runtime/element-type.js";
import type {
  ExecutionProvider,
  RuntimeSession,
  RuntimeTensor,
  SessionOptions,
} from "../../packages/backend-onnx/src/runtime/runtime.js";
import { imageWorks } from "../fixtures/image-works.js";
import { works } from "../webgpu/works.js";

// See main.mjs.

function check(what: string, isRight: boolean, seen: string | number = ""): void {
  console.log(`${isRight ? "right" : "WRONG"}: ${what}${seen === "" ? "" : `, ${seen}`}`);
  process.exitCode = isRight ? process.exitCode : 1;
}

/** Calls a function, and returns what it throws. */
function failure(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

const common = { intraOpNumThreads: 2, graphOptimizationLevel: "disabled", profilePrefix: undefined } as const;

/** Records what programs do, as for CUDA, and has CUDA's provider compile each graph; the cpu runs it. */
async function checkPlacement(): Promise<void> {
  const real = cApiRuntime(2);
  const environment = openEnvironment(2);
  const { api, handle } = environment;
  const [cuda] = resolveProviders(["cuda"]);
  for (const { name, run } of [...works, ...imageWorks]) {
    const host = deviceRuntime(true);
    const refusals: (string | undefined)[] = [];
    const runtime: Runtime = {
      ...{ ...host, canReplay: true },
      createSession(model, inputs, outputs, options) {
        const onCuda = { ...options, profilePrefix: undefined, replay: false };
        const plain = () =>
          (real.createSession(model, inputs, outputs, { ...onCuda, allowCpuNodes: false }) as RuntimeSession).dispose();
        const captured = () => {
          const native = makeSessionOptions(environment, onCuda, [capturing(cuda!)]);
          api.do.ReleaseSession(api.make("CreateSessionFromArray", handle, model, model.byteLength, native.handle));
          api.do.ReleaseSessionOptions(native.handle);
        };
        refusals.push(failure(plain), failure(captured));
        return host.createSession(model, inputs, outputs, options);
      },
    };
    registerOnnxBackend({ runtime, executionProviders: ["cuda"], replay: true, fallback: false });
    await tf.setBackend("onnx");
    await run();
    tf.removeBackend("onnx");
    const reasons = [...new Set(refusals.filter((refusal) => refusal !== undefined))];
    const isRight = refusals.length > 0 && reasons.length === 0;
    check(`CUDA takes all nodes, and accepts them for capture: ${name}`, isRight, reasons.join("; "));
  }
}

const MiB = 2 ** 20;
const size = 40 * MiB;
const shape = [size / 4];

/** A model that copies its input once or twice, by way of a tensor of its own: outside of training, Dropout is a copy. */
function copies(times: 1 | 2): Uint8Array<ArrayBuffer> {
  const names = times === 1 ? ["input", "output"] : ["input", "between", "output"];
  const form = (name: string) => valueInfo(name, onnxTypeCodes.float32, shape);
  return encodeModel(
    create(GraphProtoSchema, {
      name: "copies",
      node: names
        .slice(1)
        .map((output, i) =>
          create(NodeProtoSchema, { opType: "Dropout", name: `copy${i}`, input: [names[i]!], output: [output] }),
        ),
      ...{ input: [form("input")], output: [form("output")] },
    }),
  );
}

/** Graphs that copy 40 MiB on a card, whose memory is counted. */
async function checkMemory(library: string): Promise<void> {
  const bytesOf = loadKoffi().load(library).func("long standInBytes(int card)");
  const taken = (card = 0) => Number(bytesOf(card)) / MiB;
  const runtime = cApiRuntime(2);
  const session = (provider: ExecutionProvider, times: 1 | 2 = 2, options: Partial<SessionOptions> = {}) => {
    const outputs = [{ name: "output", type: "float32", shape, onDevice: true }] as const;
    const all = { ...common, executionProviders: [provider], ...options };
    return runtime.createSession(copies(times), ["input"], outputs, all) as RuntimeSession;
  };
  const run = (copying: RuntimeSession, from: RuntimeTensor) => (copying.run([from]) as RuntimeTensor[])[0]!;
  const upload = (first: number) =>
    runtime.upload(
      "float32",
      shape,
      Float32Array.from({ length: size / 4 }, (_, i) => (i % 1000) + first),
    );
  const isCopy = async (tensor: RuntimeTensor, first: number) => {
    const found = (await tensor.download()) as Float32Array;
    return found.every((value, i) => value === (i % 1000) + first);
  };

  const from = upload(0);
  const sessions = [session("cuda"), session("cuda"), session("cuda"), session("cuda")];
  const afterEach: number[] = [];
  for (const copying of sessions) {
    const result = run(copying, from);
    afterEach.push(taken());
    check("a copy on the card is right", await isCopy(result, 0));
    result.dispose();
  }
  check("four graphs take what one takes", afterEach[3] === afterEach[0], `${afterEach.join(", ")} MiB`);

  const [before, ofOther] = [taken(), taken(1)];
  const limited = session({ name: "cuda", memoryLimit: 512 * MiB });
  run(limited, from).dispose();
  check("a graph of another limit has an arena of its own", taken() > before, `${taken() - before} MiB more`);
  limited.dispose();
  check("which goes with it", taken() === before);
  const other = { name: "cuda", deviceId: 1, memoryLimit: 200 * MiB };
  const small = [session(other), session(other)];
  for (const copying of small) {
    run(copying, from).dispose();
  }
  check("another card has an arena of its own", ofOther === 0 && taken(1) > 0 && taken() === before);
  const kept: RuntimeTensor[] = [];
  const refusal = failure(() => {
    for (const copying of [...small, ...small]) {
      kept.push(run(copying, from));
    }
  });
  check("all graphs of a card together keep to its limit", refusal !== undefined && taken(1) <= 200, `${taken(1)} MiB`);
  for (const held of [...kept, ...small]) {
    held.dispose();
  }

  const replaying = session("cuda", 2, { replay: true });
  let last = from;
  const follow = (times: number) => {
    for (let i = 0; i < times; i++) {
      const next = run(replaying, last);
      last.dispose();
      last = next;
    }
  };
  follow(8);
  check("runs that follow each other are captured", replaying.replay === true, String(replaying.replay));
  // So many that they take all that is free, with nothing of their own beside.
  const once = session("cuda", 1);
  const sevens = run(once, upload(7));
  const between = [sevens, ...Array.from({ length: 12 }, () => run(once, sevens))];
  const held = taken();
  follow(1000);
  check("1000 replays take no more memory", taken() === held, `${held} MiB`);
  check("other graphs leave a replayed graph's tensors alone", await isCopy(last, 0));
  let areSevens = true;
  for (const tensor of between) {
    areSevens &&= await isCopy(tensor, 7);
    tensor.dispose();
  }
  check("a replayed graph leaves other graphs' tensors alone", areSevens);
  last.dispose();
  for (const copying of [replaying, once, ...sessions]) {
    copying.dispose();
  }
  runtime.dispose?.();
  check("nothing but two small regions is left", taken() + taken(1) <= 4, `${taken() + taken(1)} MiB`);
}

/** What a program sees that names a device, or lets the backend choose one. */
async function checkChoice(): Promise<void> {
  for (const device of ["auto", "cuda"] as const) {
    const { line, options } = await chooseDevice(device);
    check(`device ${device} is the card`, /an NVIDIA card, through CUDA/.test(line), line);
    const backend = await useOnnx(options);
    const tensor = tf.tensor1d([1, 2, 3]);
    const copy = tf.concat([tensor, tensor]);
    await copy.data();
    check("a result stays there", backend.memory().deviceBytes === 24);
    tf.dispose([tensor, copy]);
    check("and leaves with its tensor", backend.memory().deviceBytes === 0);
    backend.dispose();
    tf.removeBackend("onnx");
  }
}

const [library] = process.argv.slice(2) as [string];
await checkMemory(library);
await checkChoice();
await checkPlacement();

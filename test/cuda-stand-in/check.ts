import { chooseDevice, type Runtime, registerOnnxBackend, useOnnx } from "@mmgen/backend-onnx";
import * as tf from "@tensorflow/tfjs-core";
import "@mmgen/nn/gradients";
import { cApiRuntime } from "../../packages/backend-onnx/src/c-api/c-api-runtime.js";
import { openEnvironment } from "../../packages/backend-onnx/src/c-api/environment.js";
import { loadKoffi } from "../../packages/backend-onnx/src/c-api/load-koffi.js";
import { capturing, resolveProviders } from "../../packages/backend-onnx/src/c-api/provider-options.js";
import { makeSessionOptions } from "../../packages/backend-onnx/src/c-api/session-options.js";
import { copyModel } from "../../packages/backend-onnx/src/runtime/copy-model.js";
import { deviceRuntime } from "../../packages/backend-onnx/src/runtime/device-runtime.fixture.js";
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

const common = { intraOpNumThreads: 2, graphOptimizationLevel: "all", profilePrefix: undefined } as const;

/** Records what programs do, as for CUDA, and has CUDA's provider compile each graph; the cpu runs it. */
async function checkPlacement(): Promise<void> {
  const real = cApiRuntime(2);
  const { api, handle } = openEnvironment(2);
  const [cuda] = resolveProviders(["cuda"]);
  for (const { name, run } of [...works, ...imageWorks]) {
    const host = deviceRuntime(true);
    const refusals = new Set<string>();
    let graphs = 0;
    const runtime: Runtime = {
      ...{ ...host, canReplay: true },
      createSession(model, inputs, outputs, options) {
        graphs++;
        const onCuda = { ...options, profilePrefix: undefined, replay: false };
        const plain = () =>
          (real.createSession(model, inputs, outputs, { ...onCuda, allowCpuNodes: false }) as RuntimeSession).dispose();
        const captured = () => {
          const native = makeSessionOptions(openEnvironment(2), onCuda, [capturing(cuda!)]);
          api.do.ReleaseSession(api.make("CreateSessionFromArray", handle, model, model.byteLength, native.handle));
          api.do.ReleaseSessionOptions(native.handle);
        };
        for (const refusal of [failure(plain), failure(captured)]) {
          refusals.add(refusal ?? "");
        }
        return host.createSession(model, inputs, outputs, options);
      },
    };
    registerOnnxBackend({ runtime, executionProviders: ["cuda"], replay: true, fallback: false });
    await tf.setBackend("onnx");
    await run();
    tf.removeBackend("onnx");
    refusals.delete("");
    check(`CUDA takes and captures all nodes: ${name}`, graphs > 0 && refusals.size === 0, [...refusals].join("; "));
  }
}

const MiB = 2 ** 20;
const size = 40 * MiB;
const shape = [size / 4];

/** Graphs that copy 40 MiB on a card, whose memory is counted. */
async function checkMemory(library: string): Promise<void> {
  const bytesOf = loadKoffi().load(library).func("long standInBytes(int card)");
  const taken = (card = 0) => Number(bytesOf(card)) / MiB;
  const runtime = cApiRuntime(2);
  const session = (provider: ExecutionProvider, options: Partial<SessionOptions> = {}) => {
    const { bytes, input, output } = copyModel("float32", 1);
    const outputs = [{ name: output, type: "float32", shape, onDevice: true }] as const;
    const all = { ...common, executionProviders: [provider], ...options };
    return runtime.createSession(bytes, [input], outputs, all) as RuntimeSession;
  };
  const run = (copies: RuntimeSession, from: RuntimeTensor) => (copies.run([from]) as RuntimeTensor[])[0]!;
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
  const sums: number[] = [];
  for (const copies of sessions) {
    const result = run(copies, from);
    sums.push(taken());
    check("a copy on the card is right", await isCopy(result, 0));
    result.dispose();
  }
  check("four graphs take what one takes", sums[3] === sums[0], `${sums.join(", ")} MiB`);

  const [before, ofOther] = [taken(), taken(1)];
  const limited = session({ name: "cuda", memoryLimit: 512 * MiB });
  run(limited, from).dispose();
  check("a graph of another limit has an arena of its own", taken() > before, `${taken() - before} MiB more`);
  limited.dispose();
  check("which goes with it", taken() === before);
  const other = { name: "cuda", deviceId: 1, memoryLimit: 200 * MiB };
  const small = [session(other), session(other)];
  for (const copies of small) {
    run(copies, from).dispose();
  }
  check("another card has an arena of its own", ofOther === 0 && taken(1) > 0 && taken() === before);
  const kept: RuntimeTensor[] = [];
  const refusal = failure(() => {
    for (const copies of [...small, ...small]) {
      kept.push(run(copies, from));
    }
  });
  check("all graphs of a card together keep to its limit", refusal !== undefined && taken(1) <= 200, `${taken(1)} MiB`);
  for (const tensor of [...kept, ...small]) {
    tensor.dispose();
  }

  const replaying = session("cuda", { replay: true });
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
  const sevens = upload(7);
  const between = sessions.map((copies) => run(copies, sevens));
  const held = taken();
  follow(1000);
  check("1000 replays take no more memory", taken() === held, `${held} MiB`);
  check("a replayed graph and others leave each other's tensors alone", await isCopy(last, 0));
  for (const tensor of between) {
    check("as well as theirs", await isCopy(tensor, 7));
    tensor.dispose();
  }
  last.dispose();
  for (const copies of [replaying, ...sessions]) {
    copies.dispose();
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

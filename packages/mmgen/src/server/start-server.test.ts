import { registerOnnxBackend } from "@mmgen/backend-onnx";
import { Random, sliceImages } from "@mmgen/core";
import { MultimodalTokenizer } from "@mmgen/multimodal-tokenizer";
import { TinyTransformer } from "@mmgen/tiny-transformer";
import { VqVae } from "@mmgen/vqvae";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { imagesPng } from "../folder/images-png.js";
import { MultimodalModel } from "../model/multimodal-model.js";
import { squares } from "../model/squares.fixture.js";
import { maxBodyBytes } from "./read-body.js";
import { type RunningServer, type ServerOptions, startServer } from "./start-server.js";

const set = squares(6, 1);
const files = set.captions.map((_, i) => imagesPng(sliceImages(set.images, i, i + 1), { scale: 1 }));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const defects: unknown[] = [];
let model: MultimodalModel;
let server: RunningServer;

/** An untrained model: what it makes is noise, and the same noise for the same seed. */
function create(family: "autoregressive" | "diffusion"): MultimodalModel {
  const random = Random.fromSeed(1);
  const options = { imageSide: 8, maxValue: 3, network: { hiddenChannels: 8, stages: 2 } };
  const vqvae = VqVae.create(options, { random });
  const isDiffusion = family === "diffusion";
  const { codebookSize, codeGrid } = vqvae;
  const { captions } = set;
  const tokenizer = MultimodalTokenizer.create({ captions, codebookSize, codeGrid, maskToken: isDiffusion });
  const { vocabularySize, sequenceLength: contextLength } = tokenizer;
  const sizes = { vocabularySize, contextLength, width: 8, heads: 1, layers: 1, causal: !isDiffusion };
  const transformer = TinyTransformer.create(sizes, { random });
  return MultimodalModel.fromParts({ vqvae, tokenizer, transformer, ...(isDiffusion && { diffusion: {} }) });
}

function start(of: MultimodalModel, options: Partial<ServerOptions> = {}): Promise<RunningServer> {
  const onDefect = (error: unknown) => void defects.push(error);
  return startServer(of, { host: "127.0.0.1", port: 0, maxImages: 8, onDefect, ...options });
}

beforeAll(async () => {
  registerOnnxBackend();
  await tf.setBackend("onnx");
  model = create("autoregressive");
  server = await start(model);
});
afterAll(async () => {
  await server.close();
  model.dispose();
  expect(tf.memory().numTensors).toBe(0);
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(defects.splice(0)).toEqual([]);
});

const post = (path: string, body: unknown, { accept = "*/*", url = server.url, signal }: PostOptions = {}) =>
  fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", accept },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
interface PostOptions {
  readonly accept?: string;
  readonly url?: string;
  readonly signal?: AbortSignal;
}

const json = async (path: string, body: unknown, options?: PostOptions) => {
  const response = await post(path, body, options);
  return { status: response.status, ...(await response.json()) };
};

describe("generations", () => {
  const captions = ["a red square on blue", "a white square on green"];
  const sampling = { temperature: 0.7, topP: 0.9, seed: 7 };

  it("draws what the model draws: each image in JSON, or all in one PNG file", async () => {
    const body = { captions, count: 2, ...sampling };
    const images = await model.draw(captions, { count: 2, ...sampling });
    const drawn = await json("/draw", body);
    expect(drawn.captions).toEqual(captions.flatMap((caption) => [caption, caption]));
    const each = [0, 1, 2, 3].map((i) => base64(imagesPng(sliceImages(images, i, i + 1), { scale: 1 })));
    expect(drawn.images).toEqual(each);
    const response = await post("/draw", { ...body, scale: 3 }, { accept: "image/png" });
    expect(response.headers.get("content-type")).toBe("image/png");
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes).toEqual(imagesPng(images, { columns: 2, scale: 3 }));
  });

  it("gives requests at once what they get one by one", async () => {
    const bodies = [1, 2, 1].map((seed) => ({ count: 4, seed }));
    const atOnce = await Promise.all(bodies.map((body) => json("/invent", body)));
    expect(atOnce[0]).toEqual(atOnce[2]);
    expect(atOnce[1]).toEqual(await json("/invent", bodies[1]));
    expect(atOnce[0].captions).not.toEqual(atOnce[1].captions);
  });

  it("captions an image's bytes or several as base64, with what score says of each", async () => {
    const images = sliceImages(set.images, 0, 2);
    const expected = await model.caption(images);
    const many = await json("/caption", { images: [base64(files[0]!), `data:image/png;base64,${base64(files[1]!)}`] });
    expect(many.captions).toEqual(expected);
    const one = await fetch(`${server.url}/caption`, {
      method: "POST",
      headers: { "content-type": "image/png" },
      body: new Uint8Array(files[0]!),
    });
    const { captions: said, scores } = await one.json();
    expect(said).toEqual(expected.slice(0, 1));
    expect(scores).toEqual(many.scores.slice(0, 1));
    const score = await model.score({ images: sliceImages(images, 0, 1), captions: said });
    const { natsPerId, natsPerSequence } = score;
    const captionNats = score.byOrder?.["image-first"].byModality.text?.natsPerSequence;
    expect(captionNats).toBeGreaterThan(0);
    expect(scores).toEqual([{ natsPerId, natsPerSequence, captionNats }]);
  });

  it("invents and completes as the model does, masks included", async () => {
    const pairs = await model.invent({ count: 3, ...sampling });
    const invented = await json("/invent", { count: 3, ...sampling });
    expect(invented.captions).toEqual(pairs.captions);
    const image = sliceImages(set.images, 0, 1);
    const mask = Uint8Array.from({ length: 64 }, (_, i) => Number(i % 8 < 4));
    const maskPng = imagesPng({ data: mask, count: 1, height: 8, width: 8, channels: 1, maxValue: 1 }, { scale: 1 });
    const masked = { candidates: 2, ...sampling };
    const body = { images: [base64(files[0]!)], ...masked };
    const completed = await model.complete(image, { keep: { mask }, ...masked });
    const expected = [base64(imagesPng(completed.images, { scale: 1 }))];
    expect((await json("/complete", { ...body, keep: { mask: base64(maskPng) } })).images).toEqual(expected);
    expect((await json("/complete", { ...body, keep: { mask: [...mask] } })).images).toEqual(expected);
    const words = await json("/complete", { captions: ["a red"], keep: { words: 2 }, count: 2, seed: 1 });
    expect(words.captions).toHaveLength(2);
    expect(words.captions[0]).toMatch(/^a red /);
  });

  it("serves a model of the family diffusion with its options", async () => {
    using other = create("diffusion");
    const running = await start(other);
    const options = { url: running.url };
    const images = await other.draw(captions, { sampler: { ...other.config.diffusion!.sampler, rounds: 3 }, seed: 1 });
    const drawn = await json("/draw", { captions, rounds: 3, seed: 1 }, options);
    expect(drawn.images[1]).toEqual(base64(imagesPng(sliceImages(images, 1, 2), { scale: 1 })));
    const { scores } = await json("/caption", { images: [base64(files[0]!)] }, options);
    expect(scores[0].captionNats).toBeGreaterThan(0);
    expect((await json("/draw", { captions, rounds: 1e5 }, options)).error).toMatch(/^rounds: expected .*4096/);
    await running.close();
  });
});

describe("requests that are refused", () => {
  it.each([
    ["/draw", {}, /^captions: expected a list/],
    ["/draw", { captions: ["a red elephant on blue"] }, /"elephant" is not in the vocabulary/],
    ["/draw", { captions: ["a red square on blue"], cuont: 2 }, /did you mean "count"/],
    ["/draw", { captions: ["a red square on blue"], temperature: -1 }, /^temperature: expected/],
    ["/draw", { captions: ["a red square on blue"], count: 3, candidates: 3 }, /from 1 to 8 images .* got 9/],
    ["/draw", { captions: ["a red square on blue"], scale: 9999 }, /^scale: expected/],
    ["/invent", { rounds: 3 }, /^rounds: only models of the family diffusion/],
    ["/invent", { signal: 1 }, /^signal: there is no such field/],
    ["/invent", { count: 1.5 }, /^count: expected/],
    ["/caption", { images: ["abc"] }, /^image 1: neither PNG nor JPEG nor WebP/],
    ["/caption", { images: [5] }, /^images\[0\]: expected/],
    ["/complete", { keep: { rows: 0.5 } }, /^images or captions: expected from 1/],
    ["/complete", { captions: ["a red"] }, /^keep: expected/],
    ["/invent", null, /expected an object/],
  ])("%s %j", async (path, body, message) => {
    const { error, status } = await json(path, body);
    expect([status, error]).toEqual([400, expect.stringMatching(message)]);
  });

  it("says what it wants where path, method, type or size are others", async () => {
    const send = async (path: string, init: RequestInit) => {
      const response = await fetch(server.url + path, init);
      return [response.status, (await response.json()).error, response.headers.get("allow")];
    };
    expect(await send("/drew", {})).toEqual([404, expect.stringContaining("Known: /, /health"), null]);
    expect(await send("/draw?x=1", {})).toEqual([405, "expected POST, got GET.", "POST"]);
    expect(await send("/model", { method: "POST" })).toEqual([405, expect.any(String), "GET, HEAD"]);
    expect(await send("/draw", { method: "OPTIONS" })).toEqual([405, expect.any(String), "POST"]);
    const form = new URLSearchParams({ count: "1" });
    expect(await send("/invent", { method: "POST", body: form })).toEqual([
      ...[415, expect.stringMatching(/application\/json; got application\/x-www-form-urlencoded/), null],
    ]);
    const headers = { "content-type": "application/json" };
    expect((await send("/invent", { method: "POST", headers, body: "{" }))[0]).toBe(400);
    const large = { method: "POST", headers, body: new Uint8Array(maxBodyBytes + 1) };
    expect(await send("/invent", large)).toEqual([413, expect.stringContaining(`${maxBodyBytes} bytes`), null]);
  });

  it("answers its own failure without saying more, and logs it", async () => {
    vi.spyOn(model, "invent").mockRejectedValue(new TypeError("secret path"));
    expect(await json("/invent", {})).toEqual({ status: 500, error: expect.not.stringContaining("secret") });
    expect(defects.splice(0)).toEqual([new TypeError("secret path")]);
  });
});

describe("the server", () => {
  it("tells what it serves, and its health", async () => {
    const description = await (await fetch(`${server.url}/model`)).json();
    expect(description).toMatchObject({
      ...{ family: "autoregressive", methods: ["draw", "caption", "invent", "complete"] },
      images: { height: 8, width: 8, channels: 3, levels: 4 },
      ...{ words: model.tokenizer.config.words, limits: { images: 8, bodyBytes: maxBodyBytes } },
    });
    expect(await (await fetch(`${server.url}/health`)).json()).toEqual({ status: "ok", waiting: 0 });
  });

  it("has a page that loads nothing else", async () => {
    const response = await fetch(`${server.url}/`);
    const page = await response.text();
    expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
    expect(page).toMatch(/<style>\s*:root.*<script>\s*const at/s);
    expect(page).not.toMatch(/(src|href)="(?!data:)|@import|https?:/);
    expect((await fetch(`${server.url}/`, { method: "HEAD" })).status).toBe(200);
  });

  it("lets pages of another origin use it only where that is named", async () => {
    const cors = "https://example.com";
    const running = await start(model, { cors });
    const preflight = await fetch(`${running.url}/draw`, { method: "OPTIONS" });
    expect([preflight.status, preflight.headers.get("access-control-allow-origin")]).toEqual([204, cors]);
    expect(preflight.headers.get("access-control-allow-headers")).toBe("content-type");
    await running.close();
    expect((await fetch(`${server.url}/model`)).headers.get("access-control-allow-origin")).toBe(null);
  });

  /** Does something before the next invention, which then goes on as ever. */
  function beforeNextInvention(act: (signal: AbortSignal) => Promise<unknown>) {
    const invent = model.invent.bind(model);
    return vi.spyOn(model, "invent").mockImplementationOnce(async (options) => {
      await act(options!.signal!);
      return invent(options);
    });
  }
  const aborted = (signal: AbortSignal) =>
    vi.waitFor(() => expect(signal.aborted).toBe(true), { timeout: 20_000, interval: 5 });

  it.each(["autoregressive", "diffusion"] as const)(
    "ends a generation of the family %s whose client goes away within it, and goes on with the next",
    async (family) => {
      using other = create(family);
      const running = await start(other, { maxImages: 1600 });
      const options = { url: running.url };
      const gone = new AbortController();
      const name = family === "diffusion" ? "denoise" : "decode";
      const run = other.transformer[name]!;
      let runs = 0;
      // The model's real work; the client goes away while its first rows are drawn.
      vi.spyOn(other.transformer, name, "get").mockReturnValue(((...plan: Parameters<typeof run>) => {
        runs++;
        gone.abort();
        return (run as (...of: unknown[]) => unknown).apply(other.transformer, plan);
      }) as never);
      const count = 1600;
      await expect(post("/invent", { count }, { ...options, signal: gone.signal })).rejects.toThrow("aborted");
      const next = await json("/invent", { count: 1, seed: 2 }, options);
      expect(next.captions).toEqual((await other.invent({ count: 1, seed: 2 })).captions);
      // Of fifty pieces a few, until the connection's end is heard; and one each of the two that followed.
      expect(runs).toBeLessThan(12);
      await running.close();
    },
  );

  it("says 503 where too many wait", async () => {
    let release = () => {};
    beforeNextInvention(() => new Promise<void>((resolve) => (release = resolve)));
    const asked = Array.from({ length: 36 }, () => post("/invent", {}));
    const refusals: (string | null)[] = [];
    for (const each of asked) {
      void each.then(({ headers, status }) => status === 503 && refusals.push(headers.get("retry-after")));
    }
    await vi.waitFor(() => expect(refusals).toEqual(["5", "5", "5", "5"]), { timeout: 20_000 });
    release();
    const statuses = (await Promise.all(asked)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(32);
  });

  it("closes with requests under way, and refuses a port that is taken", async () => {
    const running = await start(model);
    const port = Number(new URL(running.url).port);
    await expect(start(model, { port })).rejects.toThrow(/port \d+ of 127.0.0.1 is taken/);
    let closing: Promise<void> | undefined;
    beforeNextInvention((signal) => {
      closing = running.close();
      return aborted(signal);
    });
    expect((await post("/invent", {}, { url: running.url })).status).toBe(503);
    await closing;
    await expect(fetch(running.url)).rejects.toThrow();
  });
});

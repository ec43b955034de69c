import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import pickles from "../../fixtures/pickles.json" with { type: "json" };
import { captionClasses, gatherLabeled } from "../captions/labeled-images.js";
import { type MirrorServer, startMirrorServer } from "../download/mirror-server.fixture.js";
import { writeIdx } from "../mnist/idx.fixture.js";
import { loadMnist } from "../mnist/load-mnist.js";
import { mnistVariants } from "../mnist/mnist-variants.js";
import { colorDigits } from "./color-digits.js";
import { loadCaptionedDigits } from "./load-captioned-digits.js";
import { proceduralDigits } from "./procedural-digits.js";

/** A small stand-in for MNIST's four files: 30 training and 10 test digits, no two alike. */
const trainDigits = proceduralDigits({ count: 30, seed: 1 });
const testDigits = proceduralDigits({ count: 10, seed: 2 });
const files = {
  "train-images-idx3-ubyte": writeIdx([30, 28, 28], trainDigits.images.data),
  "train-labels-idx1-ubyte": writeIdx([30], trainDigits.labels),
  "t10k-images-idx3-ubyte": writeIdx([10, 28, 28], testDigits.images.data),
  "t10k-labels-idx1-ubyte": writeIdx([10], testDigits.labels),
};
const remoteFiles = Object.entries(files).map(([name, bytes]) => ({
  name: `${name}.gz`,
  sha256: createHash("sha256").update(bytes).digest("hex"),
  size: bytes.length,
}));
const nowhere = ["http://127.0.0.1:1/"];

let server: MirrorServer;
let folder: string;

beforeAll(async () => {
  const served = Object.entries(files).map(([name, bytes]) => [`/mnist/${name}.gz`, gzipSync(bytes)] as const);
  server = await startMirrorServer(Object.fromEntries(served));
});
afterAll(() => server.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "mmgen-datasets-"));
  vi.stubEnv("MMGEN_DATA_DIR", "");
  vi.stubEnv("MMGEN_CACHE_DIR", join(folder, "cache"));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

async function writeMnist(to: string, form: "gz" | "plain" | "dotted"): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) {
    const entry = form === "gz" ? `${name}.gz` : form === "plain" ? name : name.replace("-idx", ".idx");
    await writeFile(join(to, entry), form === "gz" ? gzipSync(bytes) : bytes);
  }
}

describe("loadMnist", () => {
  it.each(["gz", "plain", "dotted"] as const)("reads %s files from the folder or its folder mnist", async (form) => {
    for (const place of [folder, join(folder, "data", "mnist")]) {
      await writeMnist(place, form);
    }
    for (const dataDir of [folder, join(folder, "data")]) {
      const { train, test, source } = await loadMnist({ dataDir, mirrors: nowhere });
      expect(train.images.data).toEqual(trainDigits.images.data);
      expect(test.labels).toEqual(testDigits.labels);
      expect(source).toContain("MNIST (30 + 10) from ");
    }
  });

  it("takes the folder from MMGEN_DATA_DIR", async () => {
    await writeMnist(folder, "gz");
    vi.stubEnv("MMGEN_DATA_DIR", folder);
    expect((await loadMnist({ mirrors: nowhere })).source).toContain(folder);
  });

  it("downloads once into the cache, and only what is missing", async () => {
    const messages: string[] = [];
    const options = { mirrors: [`${server.address}/mnist/`], files: remoteFiles };
    const first = await loadMnist({ ...options, onMessage: (message) => messages.push(message) });
    expect(first.train.images.data).toEqual(trainDigits.images.data);
    expect(messages).toHaveLength(4);
    expect((await readdir(join(folder, "cache", "mnist"))).sort()).toEqual(remoteFiles.map(({ name }) => name).sort());

    const before = server.requests.length;
    await loadMnist(options);
    expect(server.requests.length).toBe(before);
    await rm(join(folder, "cache", "mnist", remoteFiles[0]!.name));
    await loadMnist(options);
    expect(server.requests.slice(before)).toEqual(["HEAD /mnist/", `GET /mnist/${remoteFiles[0]!.name}`]);
  });

  it("verifies what it finds in the cache, and fetches again what is damaged", async () => {
    const messages: string[] = [];
    const options = {
      mirrors: [`${server.address}/mnist/`],
      files: remoteFiles,
      onMessage: (message: string) => messages.push(message),
    };
    await loadMnist(options);
    const [images, , , labels] = remoteFiles.map(({ name }) => join(folder, "cache", "mnist", name));
    // Another file of the same form, and one that is cut.
    const other = Uint8Array.from(trainDigits.images.data, (level) => 255 - level);
    const damage = async () => {
      await writeFile(images!, gzipSync(writeIdx([30, 28, 28], other)));
      await writeFile(labels!, gzipSync(files["t10k-labels-idx1-ubyte"]).subarray(0, 25));
    };
    await damage();
    const before = server.requests.length;
    messages.length = 0;
    expect((await loadMnist(options)).train.images.data).toEqual(trainDigits.images.data);
    expect(server.requests.slice(before)).toEqual([
      "HEAD /mnist/",
      `GET /mnist/${remoteFiles[0]!.name}`,
      `GET /mnist/${remoteFiles[3]!.name}`,
    ]);
    expect(messages[0]).toMatch(/^The cached file .*images.*\.gz is damaged \(SHA-256 of the content is/);
    expect(messages[1]).toMatch(/^The cached file .*labels.*\.gz is damaged \(.*not readable as gzip/);
    await damage();
    await expect(loadMnist({ ...options, download: false })).rejects.toThrow(/labels.*is damaged.*downloading is off/);
    await expect(loadMnist({ ...options, mirrors: nowhere })).rejects.toThrow(/is damaged.*no mirror answers/);
    await expect(loadMnist({ ...options, signal: AbortSignal.abort() })).rejects.toThrow(/was stopped/);
    await expect(loadMnist({ ...options, files: [{ ...remoteFiles[0]!, name: "../x.gz" }] })).rejects.toThrow(
      /files\[0\]\.name: expected the name of a file/,
    );
  });

  it("keeps the variants apart, in the data folder and in the cache", async () => {
    await writeMnist(join(folder, "data"), "plain");
    await writeMnist(join(folder, "data", "kmnist"), "gz");
    const dataDir = join(folder, "data");
    const kmnist = await loadMnist({ variant: "kmnist", dataDir, mirrors: nowhere });
    expect(kmnist.source).toBe(`KMNIST (30 + 10) from ${join(dataDir, "kmnist")}`);
    expect(captionClasses(kmnist.test, kmnist.classNames).captions).toEqual(
      Array.from(testDigits.labels, (label) => ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"][label]),
    );
    // MNIST's files, under the same names, are no Fashion-MNIST.
    const fashion = { variant: "fashion-mnist", dataDir } as const;
    await expect(loadMnist({ ...fashion, mirrors: nowhere })).rejects.toThrow(/^No Fashion-MNIST: no mirror answers/);
    const loaded = await loadMnist({ ...fashion, mirrors: [`${server.address}/mnist/`], files: remoteFiles });
    expect(loaded.source).toBe(`Fashion-MNIST (30 + 10) from ${join(folder, "cache", "fashion-mnist")}`);
    expect(loaded.classNames[9]).toBe("ankle boot");
    await expect(loadMnist({ variant: "emnist" as never })).rejects.toThrow(
      /got "emnist" \(string\); did you mean "kmnist"/,
    );
  });

  it("knows sizes, checksums and names of every variant", () => {
    for (const { files, mirrors, classNames } of Object.values(mnistVariants)) {
      expect(classNames).toHaveLength(10);
      expect(new Set(files.map(({ sha256 }) => /^[0-9a-f]{64}$/.exec(sha256)?.[0])).size).toBe(4);
      expect(files.map(({ size }) => size)).toEqual([16 + 60_000 * 784, 8 + 60_000, 16 + 10_000 * 784, 8 + 10_000]);
      expect(mirrors.every((mirror) => new URL(mirror).href === mirror && mirror.endsWith("/"))).toBe(true);
    }
  });

  it("reports a missing, incomplete or damaged data folder", async () => {
    await expect(loadMnist({ dataDir: join(folder, "none") })).rejects.toThrow("there is no such folder");
    await writeMnist(folder, "plain");
    await rm(join(folder, "t10k-labels-idx1-ubyte"));
    await expect(loadMnist({ dataDir: folder })).rejects.toThrow("missing t10k-labels-idx1-ubyte (plain or .gz)");
    await writeFile(
      join(folder, "t10k-labels-idx1-ubyte.gz"),
      gzipSync(files["t10k-labels-idx1-ubyte"]).subarray(0, 20),
    );
    await expect(loadMnist({ dataDir: folder })).rejects.toThrow("truncated or damaged");
  });

  it("explains where to put the files when none are available", async () => {
    await expect(loadMnist({ mirrors: nowhere })).rejects.toThrow(/no mirror answers.*dataDir or MMGEN_DATA_DIR/);
    await expect(loadMnist({ download: false })).rejects.toThrow("downloading is off");
  });
});

describe("loadCaptionedDigits", () => {
  it("splits MNIST into disjoint sets that the seed alone decides", async () => {
    await writeMnist(folder, "gz");
    const options = { dataDir: folder, seed: 3, trainCount: 20, validationCount: 5, testCount: 8 } as const;
    const { train, validation, test, source } = await loadCaptionedDigits(options);
    expect([train, validation, test].map(({ captions }) => captions.length)).toEqual([20, 5, 8]);
    expect(source).toBe(`MNIST (30 + 10) from ${folder}: 20 to train, 5 to validate, 8 to test, seed 3`);

    const shapes = [train, validation, test].map(({ images }) =>
      Array.from({ length: images.count }, (_, i) => inkOf(images.data.subarray(i * 2352, (i + 1) * 2352))),
    );
    const known = (digits: typeof trainDigits) =>
      new Set(
        Array.from({ length: digits.labels.length }, (_, i) =>
          inkOfGray(digits.images.data.subarray(i * 784, (i + 1) * 784)),
        ),
      );
    const trainInk = known(trainDigits);
    const testInk = known(testDigits);
    expect(new Set(shapes.flat()).size).toBe(33);
    expect([...shapes[0]!, ...shapes[1]!].every((ink) => trainInk.has(ink))).toBe(true);
    expect(shapes[2]!.every((ink) => testInk.has(ink))).toBe(true);

    expect(await loadCaptionedDigits(options)).toEqual({ train, validation, test, source });
    const fewer = await loadCaptionedDigits({ ...options, trainCount: 7 });
    expect(fewer.train.captions).toEqual(train.captions.slice(0, 7));
    expect(fewer.validation).toEqual(validation);
    expect((await loadCaptionedDigits({ ...options, seed: 4 })).train.captions).not.toEqual(train.captions);
  });

  it("gives no test image the draws of a training image", async () => {
    await writeMnist(folder, "gz");
    const { train, test } = await loadCaptionedDigits({ dataDir: folder, seed: 3 });
    const colors = ({ digitColors, backgroundColors }: typeof train) =>
      Array.from(digitColors, (color, i) => `${color} ${backgroundColors[i]}`).sort();
    const drawn = (indices: number[]) => {
      const digits = gatherLabeled(trainDigits, Array(indices.length).fill(0));
      return colors(colorDigits(digits, { seed: 3, indices }));
    };
    const numbers = Array.from({ length: 40 }, (_, i) => i);
    expect(colors(train)).toEqual(drawn(numbers.slice(0, 30)));
    expect(colors(test)).toEqual(drawn(numbers.slice(30)));
  });

  it("falls back to procedural digits where MNIST is not available, and reports it", async () => {
    const options = { seed: 1, trainCount: 40, validationCount: 10, testCount: 20 };
    const fallen = await loadCaptionedDigits({ ...options, mirrors: nowhere });
    expect(fallen.source).toMatch(
      /^Procedural digits, as there is no MNIST \(no mirror answers.*40 to train, 10 to validate, 20 to test, seed 1$/,
    );
    const asked = await loadCaptionedDigits({ ...options, source: "procedural" });
    expect(asked.train).toEqual(fallen.train);
    const all = [asked.train, asked.validation, asked.test].flatMap(({ images }) =>
      Array.from({ length: images.count }, (_, i) => inkOf(images.data.subarray(i * 2352, (i + 1) * 2352))),
    );
    expect(new Set(all).size).toBe(70);
  });

  it("does not ignore damaged files", async () => {
    await writeMnist(folder, "plain");
    await writeFile(join(folder, "train-images-idx3-ubyte"), files["train-images-idx3-ubyte"].subarray(0, 500));
    await expect(loadCaptionedDigits({ dataDir: folder, seed: 1 })).rejects.toThrow("truncated");
  });

  it("refuses more examples than MNIST has, and sources it does not know", async () => {
    await writeMnist(folder, "gz");
    await expect(loadCaptionedDigits({ dataDir: folder, seed: 1, trainCount: 31 })).rejects.toThrow(
      "expected at most 30 examples in all, got train 31",
    );
    await expect(loadCaptionedDigits({ source: "fashion" as never, seed: 1 })).rejects.toThrow('got "fashion"');
    await expect(loadCaptionedDigits({ sead: 1 } as never)).rejects.toThrow('did you mean "seed"?');
  });

  it("reads colored MNIST with its images without captions", async () => {
    const write = (name: string, key: keyof typeof pickles) =>
      writeFile(join(folder, name), Buffer.from(pickles[key], "base64"));
    await expect(loadCaptionedDigits({ source: "colored-mnist", dataDir: folder, seed: 1 })).rejects.toThrow(
      "no mnist_colored.pkl",
    );
    await write("mnist_colored.pkl", "mnist_colored numpy1 protocol4 C");
    await write("colored_mnist_with_text.pkl", "colored_mnist_with_text numpy1 protocol4 C");
    const { train, validation, test, uncaptionedImages, source } = await loadCaptionedDigits({
      source: "colored-mnist",
      dataDir: folder,
      seed: 1,
      validationCount: 1,
    });
    expect(new Set([...train.captions, ...validation.captions]).size).toBe(3);
    expect(test.captions).toHaveLength(2);
    expect(uncaptionedImages?.train.count).toBe(3);
    expect(source).toBe(`Colored MNIST from ${folder}: 2 to train, 1 to validate, 2 to test, seed 1`);
  });
});

/** Which pixels differ from the corner, as text: the digit's shape whatever its colors. */
function inkOf(rgb: Uint8Array): string {
  return Array.from({ length: 784 }, (_, i) => Number([0, 1, 2].some((c) => rgb[3 * i + c] !== rgb[c]))).join("");
}

function inkOfGray(gray: Uint8Array): string {
  return Array.from(gray, (value) => Number(value >= 128)).join("");
}

import { execFileSync } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flat, imageFolderFixture, red } from "./image-folder.fixture.js";
import type { LoadImageFolderOptions } from "./load-image-folder.js";

const folder = imageFolderFixture();
const { put, load, failure } = folder;

describe("captions of loadImageFolder", () => {
  const images = async (...names: string[]) => {
    for (const name of names) {
      await put({ [name]: await flat(red, name) });
    }
  };
  const captionsOf = async (options: Partial<LoadImageFolderOptions> = {}) => {
    const { train } = await load(options);
    return Object.fromEntries(train.files.map((file, i) => [file, train.captions[i]]));
  };

  it.each([
    [
      "captions.jsonl",
      '{"file_name": "b.png", "text": "a red  square\\n"}\r\n\n{"file_name": "./in/a.png", "caption": "red", "x": 1}',
    ],
    ["metadata.jsonl", '{"file_name":"in\\\\a.png","text":"red"}\n{"file_name":"b.png","text":"a red square"}\n'],
    ["captions.csv", "\ufefffile_name,text\nb.png,a red square\nin/a.png,red\n"],
    ["metadata.csv", 'caption,file_name,x\r\n"a red\nsquare",b.png,\r\nred,in/a.png,1'],
  ])("reads %s", async (name, content) => {
    await images("b.png", "in/a.png");
    await put({ [name]: content });
    expect(await captionsOf()).toEqual({ "b.png": "a red square", "in/a.png": "red" });
  });

  it("reads text files beside the images, and the names of their folders", async () => {
    await images("red/a.png", "dark_blue/b.jpg", "x/dark_blue/b.webp");
    expect(await captionsOf()).toEqual({
      "red/a.png": "red",
      "dark_blue/b.jpg": "dark blue",
      "x/dark_blue/b.webp": "dark blue",
    });
    await put({ "red/a.txt": "one\n", "dark_blue/b.txt": " two words ", "x/dark_blue/b.txt": "drei Äpfel" });
    expect(await captionsOf()).toEqual({
      "red/a.png": "one",
      "dark_blue/b.jpg": "two words",
      "x/dark_blue/b.webp": "drei Äpfel",
    });
    expect((await captionsOf({ captions: "folder-names" }))["red/a.png"]).toBe("red");
  });

  it("matches names with accents in either Unicode form, and refuses a name of two images", async () => {
    await images("caf\u00e9.png");
    await put({ "captions.csv": "file_name,text\ncafe\u0301.png,coffee\n" });
    expect(await captionsOf()).toEqual({ "caf\u00e9.png": "coffee" });
    await images("cafe\u0301.png");
    // macOS knows one file of that name only.
    if ((await readdir(folder.path)).length === 3) {
      await put({ "captions.csv": "file_name,text\ncafe\u0301.png,one\ncaf\u00e9.png,two\n" });
      expect(await captionsOf()).toEqual({ "cafe\u0301.png": "one", "caf\u00e9.png": "two" });
      await put({ "captions.csv": "file_name,text\n./cafe\u0301.png,one\n" });
      expect(await failure()).toMatch(/line 2: ".\/cafe.\.png" is the name of 2 images/);
    }
    await rm(folder.path, { recursive: true });
    await images("caf\u00e9.png");
    await put({ "cafe\u0301.txt": "coffee" });
    expect(await captionsOf()).toEqual({ "caf\u00e9.png": "coffee" });
  });

  it("composes characters (NFC), and takes control characters as spaces", async () => {
    await images("cafe\u0301/a.png", "b/b.png");
    expect(await captionsOf()).toEqual({ "cafe\u0301/a.png": "caf\u00e9", "b/b.png": "b" });
    await put({ "cafe\u0301/a.txt": "\ufeffcafe\u0301\0noir\r\n", "b/b.txt": "\u1100\u1161" });
    expect(await captionsOf()).toEqual({ "cafe\u0301/a.png": "caf\u00e9 noir", "b/b.png": "\uac00" });
    await put({
      "captions.jsonl": '{"file_name": "b/b.png", "text": "e\u0301"}\n{"file_name": "cafe\u0301/a.png", "text": "x"}',
    });
    expect((await captionsOf())["b/b.png"]).toBe("\u00e9");
  });

  it.each([
    ["captions.csv", '\ufefffile_name,text\r\nb.png,red\na.png,"x\r\ny"\r'],
    ["captions.jsonl", '\ufeff{"file_name":"b.png","text":"red"}\r\n{"file_name":"a.png","text":"x y"}\r'],
  ])("reads lines that end in one way or the other, after a byte order mark: %s", async (name, content) => {
    await images("a.png", "b.png");
    await put({ [name]: content });
    expect(await captionsOf()).toEqual({ "a.png": "x y", "b.png": "red" });
  });

  it("takes names that objects have for any other", async () => {
    await images("__proto__.png", "constructor/toString.png");
    await put({
      "captions.csv": "__proto__,file_name,text\n1,__proto__.png,__proto__\n2,constructor/toString.png,constructor\n",
    });
    expect(await captionsOf()).toEqual(
      Object.fromEntries([
        ["__proto__.png", "__proto__"],
        ["constructor/toString.png", "constructor"],
      ]),
    );
    await rm(join(folder.path, "captions.csv"));
    const row = '{"__proto__": {"text": "x"}, "file_name": "__proto__.png"}';
    await put({ "captions.jsonl": row });
    expect(await failure()).toMatch(/line 1: expected "file_name" and "text"/);
  });

  it("finds text files by names in either Unicode form, and composes captions", async () => {
    await images("caf\u00e9.png");
    await put({ "cafe\u0301.txt": "cre\u0300me" });
    expect(await captionsOf()).toEqual({ "caf\u00e9.png": "cr\u00e8me" });
  });

  it("composes captions of folders, whose names macOS decomposes", async () => {
    await images("cafe\u0301/a.png");
    expect(Object.values(await captionsOf())).toEqual(["caf\u00e9"]);
  });

  it("reports errors of a table by file and line", async () => {
    await images("a.png", "b.png");
    const wrong = async (name: string, content: string | Uint8Array) => {
      await put({ [name]: content });
      const message = await failure();
      await rm(join(folder.path, name));
      return message;
    };
    const row = (file: string) => `{"file_name": "${file}", "text": "x"}\n`;
    expect(await wrong("captions.jsonl", row("a.png"))).toContain("1 image (b.png) without a caption");
    expect(await wrong("captions.jsonl", row("a.png") + row("./a.png"))).toMatch(/line 2: .*already, in line 1/);
    expect(await wrong("captions.jsonl", row("a.png") + row("c.png"))).toMatch(
      /line 2: no image "c\.png".*no such file/,
    );
    expect(await wrong("captions.jsonl", row("../a.png"))).toMatch(
      /line 1: no image "\.\.\/a\.png".*leads out of the folder/,
    );
    expect(await wrong("captions.jsonl", row("/etc/a.png"))).toContain("leads out of the folder");
    expect(await wrong("captions.jsonl", row("in/../../a.png"))).toContain("leads out of the folder");
    expect(await wrong("captions.jsonl", row("captions.jsonl"))).toContain("it is no PNG, JPEG or WebP");
    expect(await wrong("captions.jsonl", `${row("a.png")}{"file_name":`)).toMatch(/line 2: is not JSON/);
    expect(await wrong("captions.jsonl", "[1]")).toMatch(/line 1: expected an object/);
    expect(await wrong("captions.jsonl", '{"file": "a.png", "text": 7}')).toMatch(
      /line 1: expected "file_name".*got {"file": "a\.png", "text": 7}/,
    );
    expect(await wrong("captions.jsonl", '{"file_name": "a.png", "text": " "}')).toMatch(
      /line 1: the caption is empty/,
    );
    expect(await wrong("captions.jsonl", Uint8Array.of(0x7b, 0xff))).toContain("is not text in UTF-8");
    const long = "x".repeat(2 ** 16 + 1);
    expect(await wrong("captions.jsonl", `{"file_name": "a.png", "text": "${long}"}`)).toMatch(
      /line 1: expected a caption of at most 65536 characters, got 65537: "x{190,200}…/,
    );
    expect(await wrong("captions.jsonl", `{"x": "${long.repeat(17)}"}`)).toMatch(
      /line 1: expected at most 1048576 char/,
    );
    expect(await wrong("captions.csv", `file_name,text\na.png,${long.repeat(17)}`)).toContain("not readable as CSV");
    expect(await wrong("captions.jsonl", '{"file_name": "a.png", "text": "\\ud83d"}')).toContain("a lone surrogate");
    expect(await wrong("captions.jsonl", `${"[".repeat(50_000)}`)).toMatch(/line 1: is more than 64 levels deep/);
    expect(await wrong("captions.jsonl", '{"text": "x", "file_name": "a.png", "text": "y"}')).toMatch(
      /line 1: holds "text" twice/,
    );
    const columns = Array.from({ length: 100_000 }, (_, i) => i).join(",");
    expect(await wrong("captions.csv", `${columns}\nx`)).toContain("at most 1000 columns, got 100000");
    expect(await wrong("captions.csv", "file_name,text,text\na.png,x,y")).toContain('two columns are called "text"');
    expect(await wrong("captions.csv", "name,text\na.png,x")).toMatch(/line 2: expected "file_name"/);
    expect(await wrong("captions.csv", 'file_name,text\na.png,"x')).toContain("not readable as CSV");
    expect(await wrong("captions.csv", "file_name,text\na.png,x,y")).toContain("not readable as CSV");
    await put({ "captions.csv": "file_name,text\n", "metadata.csv": "file_name,text\n" });
    expect(await failure()).toContain("got metadata.csv and captions.csv");
  });

  it("takes text files within their limit, and no other kind of file", async () => {
    await images("a.png");
    await put({ "captions.csv": "file_name,text\na.png,red\n" });
    expect(await failure({ limits: { textBytes: 20 } })).toContain("captions.csv: expected at most 20 bytes, got 25");
    await rm(join(folder.path, "captions.csv"));
    await mkdir(join(folder.path, "captions.csv"));
    if (process.platform !== "win32") {
      execFileSync("mkfifo", [join(folder.path, "a.txt")]);
      expect(await failure()).toContain("a.txt: expected a regular file, got a pipe");
    }
  });

  it("reports missing, empty and ambiguous text files and folders", async () => {
    await images("in/a.png", "in/b.png", "c.png");
    expect(await failure()).toContain("found no captions");
    expect(await failure({ captions: "folder-names" })).toContain(
      "c.png: expected the image in a folder named as its caption",
    );
    expect(await failure({ captions: "table" })).toContain("got none");
    await put({ "in/a.txt": "x" });
    expect(await failure()).toContain(
      "2 images (c.png, in/b.png) without a caption; expected a text file beside each image, such as c.txt",
    );
    await put({ "in/b.txt": "\n", "c.txt": "x" });
    expect(await failure()).toContain("b.txt: the caption is empty");
    await images("in/a.webp");
    expect(await failure()).toContain("in/a.txt lies beside two images");
  });
});

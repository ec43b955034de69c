import { fuzz } from "@mmgen/core/fuzz.fixture";
import { it } from "vitest";
import { parseCaptionTable } from "./caption-table.js";

const encode = (text: string) => new TextEncoder().encode(text);

it.each([
  [
    "captions.csv",
    'file_name,text\na.png,red\n"in/b.png","a ""red"" square,\nsmall"\r\nc.png,\n',
    "\ufeffcaption,file_name,x\r\nred,a.png,1\r\nblue,b.png,2\r\n",
  ],
  [
    "captions.jsonl",
    '{"file_name": "a.png", "text": "red"}\n\n{"file_name":"in/b.png","caption":"caf\\u00e9","x":[1,{"y":null}]}\r\n',
    '\ufeff{"text":"red","file_name":"a.png"}\n',
  ],
])(
  "holds against damaged tables of captions: %s",
  async (name, ...samples) => {
    await fuzz({
      name,
      samples: samples.map(encode),
      words: [
        "file_name",
        "text",
        "__proto__",
        "\n",
        "\r",
        '"',
        ",",
        "{",
        "[[[[[[[[",
        '{"file_name":"a","text":"b"}\n',
        "\u2028",
      ],
      parse: (bytes) => parseCaptionTable(new TextDecoder().decode(bytes), name),
      // The signature: its names of columns or fields; the header: the first row at least.
      depth: (bytes, error) => {
        const text = new TextDecoder().decode(bytes);
        return error === undefined || /line ([2-9]|\d\d)/.test(error.message)
          ? "header"
          : /file_name/.test(text)
            ? "signature"
            : "none";
      },
    });
  },
  60_000,
);

import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { imageGrid } from "@mmgen/plots";
import { writePng } from "@mmgen/plots/node";
import { repositoryRoot } from "../workspace.mjs";

/** Writes beside a model what it is: README.md, LICENSE and an image of what it draws. */
export async function writeCard(folder, { name, recipe, model, data, figures }) {
  const captions = recipe.samples;
  const images = await model.draw(captions, { seed: 1 });
  await writePng(join(folder, "samples.png"), imageGrid({ images, captions, columns: 4 }));
  await writeFile(join(folder, "LICENSE"), await licenseOf(recipe));
  const bytes = await Promise.all((await readdir(folder)).map(async (file) => (await stat(join(folder, file))).size));
  const size = (bytes.reduce((sum, each) => sum + each, 0) / 1e6).toFixed(1);
  await writeFile(join(folder, "README.md"), `${cardOf({ name, recipe, model, data, figures, size })}\n`);
}

async function licenseOf({ license }) {
  const mit = await readFile(join(repositoryRoot, "LICENSE"), "utf8");
  return `${license}\n\n${mit}`;
}

function cardOf({ name, recipe, model, data, figures, size }) {
  const { transformer, tokenizer } = model.config;
  const { height, width } = data.train.images;
  const { samples, ...rows } = figures;
  const names = recipe.attributes.map((attribute) => attribute.name);
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const isLong = names.length > 4;
  const columns = isLong ? ["mean", "least", "all"] : [...names, "all"];
  const cells = (row) => {
    const shares = names.map((each) => row[each]);
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const least = Math.min(...shares);
    const of = { ...row, mean: percent(mean), least: `${percent(least)} (${names[shares.indexOf(least)]})` };
    return columns.map((column) => (typeof of[column] === "number" ? percent(of[column]) : of[column]));
  };
  const table = Object.entries(rows).map(([what, row]) => `| ${what} | ${cells(row).join(" | ")} |`);
  const count = (model.vqvae.parameterCount + model.transformer.parameterCount).toLocaleString("en-US");
  const codes = tokenizer.codeGrid.height * tokenizer.codeGrid.width;
  return `# ${recipe.title}

${recipe.about} Made by \`npm run make-models -- ${name}\`; ${count} parameters, ${size} MB in all, weights as \`${recipe.dtype}\`.

![${recipe.samples.join("; ")}](samples.png)

## Data

${recipe.data}

## Settings

Images of ${width} × ${height} pixels, ${codes} codes of ${tokenizer.codebookSize}; a transformer of ${transformer.layers} layers, ${transformer.width} wide. Options of the training:

\`\`\`json
${JSON.stringify(recipe.training, null, 2)}
\`\`\`

## Figures

Shares right of ${samples} test images, of drawings for their captions, or of invented pairs, at the model's own temperature, ${model.config.sampling.temperature}, and top-p, ${model.config.sampling.topP}. A classifier reads the attributes of images; the first row is what it makes of real ones.${isLong ? " Each is a mean over an attribute's values; the last row is what always answering the commonest would score." : ""}

| | ${columns.join(" | ")} |
|---|${columns.map(() => "---|").join("")}
${table.join("\n")}

## License

${recipe.license}`;
}

const at = (id) => document.getElementById(id);
const textIn = (id) => at(id).value.trim();

/** The image to describe or complete, as a data URL. */
let chosen;
/** Whether results stand below the forms, not beside them. */
const narrow = matchMedia("(max-width: 52rem)");
/** Stops the request under way. */
let underWay;

/** Fills the page by what `GET /model` tells. */
async function describe() {
  const response = await fetch("model");
  const { codes, diffusion, family, images, layout, limits, methods, parameters, sampling, words } =
    await response.json();
  const millions = parameters / 1e6;
  const size = millions >= 0.95 ? `${millions.toFixed(1)} million` : parameters.toLocaleString("en");
  at("about").textContent =
    `${images.width} × ${images.height} pixels in ${codes.width * codes.height} codes, ${family}, ${size} parameters`;
  at("draw").hidden = !methods.includes("draw");
  at("describe").hidden = !methods.includes("caption");
  at("image").hidden = at("invent").hidden = false;
  at("rounds-label").hidden = diffusion === undefined;
  at("rounds").placeholder = diffusion?.sampler.rounds ?? "";
  at("temperature").placeholder = sampling.temperature ?? 1;
  at("topP").placeholder = sampling.topP ?? 1;
  for (const id of ["draw-count", "invent-count", "complete-count"]) {
    at(id).max = limits.images;
  }
  at("known").hidden = words.length === 0;
  at("words").append(...words.slice(0, 500).map((word) => wordItem(word, layout === "class")));
}

/** A button that adds a word to the caption, or chooses a class. */
function wordItem(word, isWhole) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = word;
  button.addEventListener("click", () => {
    const text = at("captions").value;
    const space = text === "" || /\s$/.test(text) ? "" : " ";
    at("captions").value = isWhole ? word : `${text}${space}${word}`;
  });
  return inItem(button);
}

function inItem(...content) {
  const item = document.createElement("li");
  item.append(...content);
  return item;
}

/** What the settings say; what is empty is left to the model. */
function settings() {
  const named = ["seed", "temperature", "topP", "rounds"].map((id) => [id, textIn(id)]);
  return Object.fromEntries(named.filter(([, text]) => text !== "").map(([id, text]) => [id, Number(text)]));
}

/** Posts a request and shows what comes, or why it does not. */
async function ask(path, body, show) {
  underWay?.abort();
  const own = new AbortController();
  underWay = own;
  tell("Working…");
  at("stop").hidden = false;
  at("status").scrollIntoView({ block: "nearest" });
  const begin = performance.now();
  try {
    const response = await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: own.signal,
    });
    const answer = await response.json();
    if (!response.ok) {
      throw new Error(answer.error);
    }
    at("results").replaceChildren(...show(answer));
    at("status").scrollIntoView({ block: narrow.matches ? "start" : "nearest" });
    tell(`Done in ${((performance.now() - begin) / 1000).toFixed(1)} s.`);
  } catch (error) {
    if (own.signal.aborted) {
      tell(underWay === own ? "Stopped." : at("status").textContent);
    } else {
      tell("", error instanceof TypeError ? "The server cannot be reached." : error.message);
    }
  }
  if (underWay === own) {
    at("stop").hidden = true;
  }
}

function tell(status, problem = "") {
  at("status").textContent = status;
  at("problem").textContent = problem;
  at("problem").hidden = problem === "";
}

/** Images as buttons that choose one. */
function gallery({ captions, images }) {
  return images.map((image, i) => {
    const shown = document.createElement("img");
    shown.src = `data:image/png;base64,${image}`;
    shown.alt = captions[i] === "" ? `Image ${i + 1}` : "";
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Describe or complete this one";
    button.append(shown, captions[i] ?? "");
    button.addEventListener("click", () => {
      choose(shown.src, captions[i]);
      at("captions").value = captions[i];
    });
    return inItem(button);
  });
}

function said({ captions: [caption], scores }) {
  const [line, small] = [document.createElement("p"), document.createElement("p")];
  line.textContent = caption;
  const nats = scores?.[0].captionNats;
  small.className = "hint";
  small.textContent = nats === undefined ? "" : `Probability given the image: ${percent(Math.exp(-nats))}`;
  const item = inItem(line, small);
  item.className = "said";
  return [item];
}

function percent(share) {
  return `${Number((share * 100).toPrecision(2))} %`;
}

function choose(url, name) {
  chosen = url;
  at("preview").src = url;
  at("preview").alt = name ? `Chosen: ${name}` : "The chosen image";
  at("preview").hidden = false;
  for (const button of at("image").querySelectorAll("button")) {
    button.disabled = false;
  }
  at("image").scrollIntoView({ block: "nearest" });
}

function chooseFile(file) {
  const reader = new FileReader();
  reader.addEventListener("load", () => choose(reader.result, file.name));
  reader.readAsDataURL(file);
}

/** Has a form asked for what it is for; the form itself sends nothing. */
function onSubmit(id, act) {
  at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter?.value);
  });
}

onSubmit("draw", () => {
  const lines = at("captions").value.split("\n");
  const captions = lines.map((line) => line.trim()).filter((line) => line !== "");
  ask("draw", { captions, count: Number(textIn("draw-count")), ...settings() }, gallery);
});
onSubmit("invent", () => ask("invent", { count: Number(textIn("invent-count")), ...settings() }, gallery));
onSubmit("image", (act) => {
  if (chosen === undefined) {
    tell("", "Choose an image first.");
  } else if (act === "caption") {
    ask("caption", { images: [chosen] }, said);
  } else {
    const keep = JSON.parse(at("keep").value);
    ask("complete", { images: [chosen], keep, count: Number(textIn("complete-count")), ...settings() }, gallery);
  }
});
at("captions").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    at("draw").requestSubmit();
  }
});
at("stop").addEventListener("click", () => underWay?.abort());
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) {
    chooseFile(file);
  }
});
for (const [name, isOver] of [
  ["dragover", true],
  ["dragleave", false],
  ["drop", false],
]) {
  at("image").addEventListener(name, (event) => {
    event.preventDefault();
    at("image").classList.toggle("dropping", isOver);
    const file = name === "drop" && event.dataTransfer.files[0];
    if (file) {
      chooseFile(file);
    }
  });
}
describe().catch(() => tell("", "The model’s description cannot be read. Reload the page."));

"use strict";
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // A table that is wider than the page says so, as some systems show no scroll bar.

  const box = document.querySelector(".scroll");
  if (box) {
    const tell = () => {
      const wider = box.scrollWidth > box.clientWidth + 1;
      document.getElementById("more").hidden = !wider;
      box.classList.toggle("wider", wider && box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
    };
    new ResizeObserver(tell).observe(box);
    box.addEventListener("scroll", tell, { passive: true });
  }

  // The table: sort inside each data set, so that figures of different tasks never mix.

  const value = (row, column, number) => {
    const text = row.cells[column].dataset.value;
    return text === "" ? null : number ? Number(text) : text;
  };

  const compare = (a, b, number) =>
    number ? a - b : a.localeCompare(b, "en", { numeric: true, sensitivity: "base" });

  function sort(header) {
    const button = header.querySelector("button");
    const number = button.dataset.kind.includes("number");
    const first = button.dataset.better === "higher" ? "descending" : "ascending";
    const other = first === "ascending" ? "descending" : "ascending";
    const order = header.getAttribute("aria-sort") === first ? other : first;
    for (const each of all("#table thead th")) each.removeAttribute("aria-sort");
    header.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const column = header.cellIndex;
    for (const body of all("#table tbody")) {
      const rows = all("tr.model", body).map((row) => [value(row, column, number), row]);
      rows.sort(([a, one], [b, other]) => {
        const last = one.classList.contains("floor") - other.classList.contains("floor");
        if (last !== 0) return last;
        if (a === null || b === null) return (a === null) - (b === null);
        return sign * compare(a, b, number);
      });
      body.append(...rows.map(([, row]) => row));
    }
  }

  function filter() {
    const words = document.getElementById("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    const select = document.getElementById("dataset");
    const wanted = select ? select.value : "";
    const name = wanted === "" ? null : select.selectedOptions[0].dataset.name;
    let shown = 0;
    let rows = 0;
    for (const body of all("#table tbody")) {
      const here = wanted === "" || body.dataset.dataset === wanted;
      const models = all("tr.model", body);
      let visible = 0;
      for (const row of models) {
        const text = row.cells[0].dataset.value.toLowerCase();
        row.hidden = !here || !words.every((word) => text.includes(word));
        visible += row.hidden ? 0 : 1;
      }
      body.hidden = visible === 0;
      shown += visible;
      rows += models.length;
    }
    for (const item of all(".findings > li")) {
      item.hidden = name !== null && item.dataset.dataset !== name;
    }
    for (const figure of all("figure.chart")) {
      figure.hidden = name !== null && figure.dataset.dataset !== name;
    }
    for (const block of all(".gallery")) {
      const here = name === null || block.dataset.dataset === name;
      let visible = 0;
      for (const model of all("details.model", block)) {
        const text = model.dataset.architecture.toLowerCase();
        model.hidden = !here || !words.every((word) => text.includes(word));
        visible += model.hidden ? 0 : 1;
      }
      block.hidden = visible === 0;
    }
    const output = document.getElementById("shown");
    output.textContent = shown === rows ? `${rows} row${rows === 1 ? "" : "s"}` : `${shown} of ${rows} rows`;
    window.dispatchEvent(new Event("resize"));
  }

  for (const header of all("#table thead th")) {
    header.querySelector("button").addEventListener("click", () => sort(header));
  }
  if (document.getElementById("filter")) {
    document.getElementById("filter").addEventListener("input", filter);
    document.getElementById("dataset")?.addEventListener("change", filter);
    filter();
  }

  // Files: made here from what the page holds.

  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  document.getElementById("download").addEventListener("click", (event) => {
    event.preventDefault();
    const metrics = read("metrics");
    save(metrics.name, "text/csv", metrics.text);
  });

  // Charts: the colours come from the style sheet, so that light and dark have one source.

  const specs = read("specs");
  const views = [];
  let focus = "";

  function config(palette) {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    const font = of("font");
    const words = { labelFont: font, titleFont: font, labelColor: of("soft"), titleColor: of("soft") };
    return {
      background: "transparent",
      font,
      view: { stroke: null },
      axis: {
        ...words, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", titlePadding: 10,
        gridColor: of("line"), domainColor: of("line"), tickColor: of("line"), labelLimit: 190,
      },
      axisBand: { grid: false, domain: false, ticks: false, labelPadding: 7 },
      legend: { ...words, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal" },
      header: { ...words, labelFontSize: 12.5, labelColor: of("ink"), labelFontWeight: 600 },
      range: {
        category: palette.map((place) => of(`s${place}`)),
        heatmap: [0, 1, 2, 3, 4].map((place) => of(`h${place}`)),
        ramp: [0, 1, 2, 3, 4].map((place) => of(`h${place}`)),
      },
      style: {
        front: { color: of("faint"), strokeDash: [5, 4], strokeWidth: 1.5 },
        label: { fontSize: 12, font },
        roof: { color: of("soft"), fontSize: 12, font },
        same: { color: of("ink"), strokeWidth: 1.5 },
        "heat-low": { color: of("heat-low"), fontSize: 12, font },
        "heat-high": { color: of("heat-high"), fontSize: 12, font },
      },
    };
  }

  async function draw() {
    for (const plot of all(".plot")) {
      const place = Number(plot.dataset.chart);
      const spec = specs[place];
      views[place]?.finalize();
      views[place] = await vegaEmbed(plot, spec, {
        mode: "vega-lite", renderer: "svg", actions: false, ast: true,
        config: config(spec.usermeta.palette),
      });
      views[place].view.signal("focus", focus).runAsync();
    }
    document.documentElement.dataset.drawn = "yes";
  }

  const others = document.getElementById("others");  // those that share a grey, where there are any

  function see(architecture) {
    focus = architecture;
    for (const each of all("button.chip")) {
      each.setAttribute("aria-pressed", String(each.dataset.architecture === focus && focus !== ""));
    }
    if (others && others.value !== focus) others.value = "";
    for (const drawn of views) drawn?.view.signal("focus", focus).runAsync();
  }

  for (const chip of all("button.chip")) {
    chip.addEventListener("click", () => {
      see(focus === chip.dataset.architecture ? "" : chip.dataset.architecture);
    });
  }
  others?.addEventListener("change", () => see(others.value));
  for (const button of all("button.save")) {
    button.addEventListener("click", async () => {
      const svg = await views[Number(button.dataset.chart)].view.toSVG();
      save(button.dataset.name, "image/svg+xml", svg);
    });
  }
  let drawing = draw();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    drawing = drawing.then(draw);
  });
})();

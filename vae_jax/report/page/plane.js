// The rate-distortion plane: a point a member, and the line of the best ELBO.

let chosenMember = null;

function planePoints(by) {
  const [rate, distortion, elbo] = ["rate", "distortion", "elbo"].map((name) => metricNamed(name).of);
  const colours = by === "verdict" ? DATA.verdict : settingNamed(by).of;
  return DATA.number
    .map((n, place) => ({
      n, r: rate[place], d: distortion[place], c: colours[place], v: DATA.verdict[place],
      s: settingsText(place) || "no setting differs",
      e: elbo[place],
    }))
    .filter((point) => isNumber(point.e));
}

// the ends of the line of an ELBO within the points
function elboLine(points, best) {
  const most = Math.max(...points.map((one) => one.r));
  const lowest = Math.min(...points.map((one) => one.d));
  const pad = 0.35 * (Math.max(...points.map((one) => one.d)) - lowest) || 1;
  const end = Math.max(best.r, Math.min(1.05 * most, -best.e - lowest + pad), 1e-3);
  return [0, end].map((r) => ({ r, d: -best.e - r }));
}

function planeSpec(points, line, by) {
  const x = { field: "r", type: "quantitative", title: metricNamed("rate").label, scale: { zero: true } };
  const y = { field: "d", type: "quantitative", title: metricNamed("distortion").label, scale: { zero: false } };
  const words = DATA.verdicts.filter((word) => points.some((point) => point.v === word));
  const shape = {
    field: "v", type: "nominal", title: "verdict",
    scale: { domain: words, range: words.map((word) => SHAPES[word] ?? "circle") },
  };
  const scale = colourScale(by);
  if (by === "verdict") scale.scale = { domain: words, range: words.map(verdictColour) };
  const tooltip = [
    { field: "n", title: "member" }, { field: "v", title: "verdict" }, { field: "s", title: "settings" },
    { field: "r", title: "rate", format: ".4" }, { field: "d", title: "distortion", format: ".4" },
    { field: "e", title: "ELBO", format: ".4" },
  ];
  const ring = points.filter((point) => point.n === chosenMember);
  return {
    height: 360,
    layer: [
      { data: { values: line }, mark: { type: "line", color: colour("soft"), strokeDash: [6, 4], clip: true, aria: false }, encoding: { x, y } },
      {
        data: { values: points },
        mark: { type: "point", filled: true, size: 70, opacity: 0.85, aria: false, cursor: "pointer" },
        encoding: { x, y, shape, color: { field: by === "verdict" ? "v" : "c", type: "nominal", ...scale }, tooltip },
      },
      // no layer without a point: its axes would have no extent
      ...ring.map((point) => ({
        data: { values: [point] },
        mark: { type: "point", size: 320, strokeWidth: 2, color: colour("ink"), aria: false }, encoding: { x, y },
      })),
    ],
  };
}

async function drawPlane(select) {
  const points = planePoints(select.value);
  const best = points.reduce((one, other) => (other.e > one.e ? other : one));
  const left = DATA.number.length - points.length;
  const told = `${points.length} members. The best ELBO is ${short(best.e)} nats, of member ${best.n} (${best.v}).`
    + (left ? ` Without a rate and a distortion, and so without a point: ${left}.` : "")
    + (chosenMember === null ? "" : ` The ring is member ${chosenMember}.`);
  say("plane", told);
  const view = await draw("plane-chart", planeSpec(points, elboLine(points, best), select.value),
    `Rate-distortion plane: ${told}`);
  view.addEventListener("click", (event, item) => {
    if (item?.datum?.n !== undefined) chooseMember(item.datum.n);
  });
  numbersTable("plane", "Members by their ELBO, the best first",
    ["member", "verdict", "settings", "rate", "distortion", "ELBO"],
    () => points.toSorted((a, b) => b.e - a.e).map((p) => [String(p.n), p.v, p.s, p.r, p.d, p.e]));
}

function startPlane() {
  const ready = metricNamed("elbo") && planePoints("verdict").length;
  if (!ready) return null;
  const figure = figureOf("plane");
  figure.hidden = false;
  const options = [["verdict", "verdict"], ...DATA.settings.map((one) => [one.name, one.name])];
  const redraw = () => drawPlane(select);
  const select = choice(figure, "Colour by", options, "verdict", redraw);
  return redraw;
}

// The report in a real browser. Run by ./run, which builds the page and finds the tools.
//   CHROMIUM  path of the browser    REPORT  path of the page    SHOTS  folder for screenshots (optional)
import assert from "node:assert/strict";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const page_url = pathToFileURL(path.resolve(process.env.REPORT)).href;
const shots = process.env.SHOTS;
const SECTIONS = [
  "Seven numbers", "Findings", "Gates", "How far it reaches", "Retention by probability band", "Where the divergence lies", "Slice by slice",
  "Sampled answers", "Style and judgment", "What it forgot", "Calibration", "Right and wrong", "Choices side by side", "Answers side by side", "Judgment at boundaries", "Worst documents, token by token", "Every metric",
  "llama.cpp-compatible numbers", "Who was compared", "Cost", "Method", "How to cite",
];
const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 }, narrow: { width: 360, height: 740 } };

let browser, folder;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "report-test-"));
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Opens the report and fails on any console message of weight, any dialog and any request but the page. */
async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && wrong.push(`console: ${m.text()}`));
  page.on("pageerror", (e) => wrong.push(`error: ${e}`));
  page.on("dialog", (d) => { wrong.push(`dialog: ${d.message()}`); d.dismiss(); });
  page.on("request", (r) => r.url() !== page_url && wrong.push(`request: ${r.url()}`));
  await page.goto(page_url);
  return { page, wrong, close: async () => { await context.close(); assert.deepEqual(wrong, []); } };
}

/** Elements that stick out of the page to the right, boxes that scroll inside themselves left out. */
const sticking_out = () => {
  const width = document.documentElement.clientWidth;
  const inside = (e) => e.parentElement?.closest(".scroll, .hidden, .skip, svg");
  const out = [...document.body.querySelectorAll("*")].filter((e) =>
    e.getBoundingClientRect().right > width + 1 && !inside(e));
  return out.slice(0, 5).map((e) => `${e.tagName}.${e.getAttribute("class")} ${e.textContent.slice(0, 40)}`);
};

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${size}, ${colorScheme}: whole, still and inside the page`, async () => {
      const { page, close } = await open({ viewport, colorScheme, deviceScaleFactor: 1 });
      assert.deepEqual(await page.locator("h2").allTextContents(), SECTIONS);
      if (shots) await page.screenshot({ path: path.join(shots, `${size}-${colorScheme}.png`), fullPage: true });
      await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
      const scroll = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
      assert.ok(scroll[0] <= scroll[1], `${scroll}: ${await page.evaluate(sticking_out)}`);
      assert.deepEqual(await page.evaluate(sticking_out), []);
      if (shots) await page.screenshot({ path: path.join(shots, `${size}-${colorScheme}-open.png`), fullPage: true });
      await close();
    });
  }
}

test("the seven numbers are whole on every screen that is no phone", async () => {
  for (const width of [800, 1024, 1100, 1216, 1217, 1280, 1600]) {
    const { page, close } = await open({ viewport: { width, height: 800 } });
    const box = page.locator(".scroll", { has: page.locator("table.numbers") }).first();
    const [all, shown] = await box.evaluate((e) => [e.scrollWidth, e.clientWidth]);
    assert.ok(all <= shown, `${width}: ${all} of ${shown}`);
    await close();
  }
});

test("hostile text is text", async () => {
  const { page, close } = await open({ viewport: SIZES.desktop });
  const token = page.locator(".t", { hasText: "<script>alert(1)</script>" }).first();
  await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
  assert.ok(await token.isVisible());
  assert.equal(await page.evaluate(() => document.scripts.length), 0);
  assert.equal(await page.evaluate(() => document.querySelectorAll("img, iframe, object, link").length), 0);
  const text = await page.evaluate(() => document.body.textContent);
  for (const shown of ["⟨U+202E⟩", "␀", "<img src=x onerror=alert(2)>"]) assert.ok(text.includes(shown), shown);
  assert.ok(!/[\u202a-\u202e\0\u001b]/.test(text));
  await close();
});

test("answers are folded, whole and read in their own direction", async () => {
  const { page, close } = await open({ viewport: SIZES.phone });
  const hostile = page.locator("#answer-cases .case", { hasText: "<script>alert(1)</script> print?" });
  const full = hostile.locator(".full", { hasText: "</details></article>" });
  assert.ok(!(await full.isVisible()));
  await hostile.locator("summary").click();
  assert.ok(await full.isVisible());
  assert.equal(await full.locator("br").count(), 1);
  assert.match(await full.textContent(), /^<img src=x onerror=alert\(2\)><\/details><\/article>␛\[31mred$/);
  const hebrew = page.locator("#answer-cases .case", { hasText: "עגנון" });
  await hebrew.locator("summary").click();
  assert.equal(await hebrew.locator(".full").first().evaluate((e) => getComputedStyle(e).direction), "rtl");
  await close();
});

test("a keyboard reaches what each model would have said", async () => {
  const { page, close } = await open({ viewport: SIZES.desktop });
  await page.locator("#documents summary").first().focus();
  await page.keyboard.press("Tab");
  const focused = page.locator(":focus");
  assert.match(await focused.getAttribute("class"), /^t k/);
  const card = focused.locator(".card");
  assert.ok(await card.isVisible());
  assert.match(await card.textContent(), /KL .* nats.*teacher .*student /s);
  if (shots) await page.screenshot({ path: path.join(shots, "token.png") });
  const first = await focused.textContent();
  await page.keyboard.press("Tab");
  assert.notEqual(await page.locator(":focus").textContent(), first);
  assert.equal(await page.locator(".card:visible").count(), 1);
  await close();
});

test("a touch reaches any token, not only the worst", async () => {
  const { page, close } = await open({ viewport: SIZES.phone, hasTouch: true, isMobile: true });
  const token = page.locator('.tokens .t[tabindex="-1"]').first();
  await token.tap();
  const card = token.locator(".card");
  assert.ok(await card.isVisible());
  const box = await card.boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= SIZES.phone.width, JSON.stringify(box));
  if (shots) await page.screenshot({ path: path.join(shots, "token-phone.png") });
  await close();
});

/** Contrast of every visible text against the background it stands on, below 4.5. */
const low_contrast = () => {
  const channel = (c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const parse = (s) => s.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r / 255) + 0.7152 * channel(g / 255) + 0.0722 * channel(b / 255);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const c = parse(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const bad = new Set();
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const a = light(parse(e.closest("svg") ? style.fill : style.color));
    const b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(`${ratio.toFixed(2)} ${e.tagName}.${e.getAttribute("class")} ${e.textContent.slice(0, 30)}`);
  }
  return [...bad].slice(0, 10);
};

for (const colorScheme of ["light", "dark"]) {
  test(`${colorScheme}: every text has a contrast of 4.5 or more`, async () => {
    const { page, close } = await open({ viewport: SIZES.desktop, colorScheme });
    await page.evaluate(() => document.querySelectorAll("details").forEach((d) => { d.open = true; }));
    assert.deepEqual(await page.evaluate(low_contrast), []);
    await close();
  });
}

test("it prints, dark readers' copies too", async () => {
  const { page, close } = await open({ viewport: SIZES.desktop, colorScheme: "dark" });
  const file = path.join(shots ?? folder, "report.pdf");
  await page.pdf({ path: file, format: "A4", printBackground: true, preferCSSPageSize: true });
  assert.ok((await stat(file)).size > 20_000);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(255, 255, 255)");
  assert.ok(!(await page.locator("nav").isVisible()));
  assert.ok(await page.locator("#documents details").nth(1).locator(".tokens").isVisible());
  await close();
});

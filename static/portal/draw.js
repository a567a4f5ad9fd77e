// Computes the winners of a draw, or the prizes of a pool, again, from the record alone: the words on the page, as a program.
const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const sha256 = async (text) => hex(await crypto.subtle.digest("SHA-256", utf8(text)));

async function inOrder(seed, entries) {
  const told = await sha256(entries.map(([number, holder]) => `${number} ${holder}\n`).join(""));
  const key = await keyOf(seed);
  const ranked = [];
  for (const [number, holder] of entries) {
    ranked.push([hex(await crypto.subtle.sign("HMAC", key, utf8(`${told} ${number}`))), number, holder]);
  }
  ranked.sort((one, other) => (one[0] < other[0] ? -1 : 1));
  return { told, ranked };
}

function winnersOf(ranked, places, passed) {
  const met = new Set();
  let at = 0;
  const following = () => {
    while (at < ranked.length) {
      const [, number, holder] = ranked[at++];
      if (!met.has(holder)) {
        met.add(holder);
        return number;
      }
    }
    return 0;
  };
  const standing = [];
  for (let place = 0; place < places; place++) {
    const number = following();
    if (number) standing.push(number);
  }
  for (const number of passed) standing[standing.indexOf(number)] = following();
  return standing;
}

const keyOf = (seed) => crypto.subtle.importKey("raw", utf8(seed), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
const large = async (key, text) => BigInt(`0x${hex(await crypto.subtle.sign("HMAC", key, utf8(text)))}`);

async function placeOf(key, number, out, { one_in: oneIn, is_counted: isCounted, prizes }) {
  const block = Math.floor((number - 1) / oneIn);
  if (isCounted && Number((await large(key, `block ${block + 1}`)) % BigInt(oneIn)) !== (number - 1) % oneIn) return 0;
  const weights = prizes.map(({ weight }, index) => (out.includes(index + 1) ? 0 : weight));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  let rest = Number((await large(key, String(number))) % BigInt(isCounted ? all : all * oneIn));
  for (const [index, weight] of weights.entries()) {
    if (rest < weight) return index + 1;
    rest -= weight;
  }
  return 0;
}

async function poolHolds({ pool, seed, seed_digest: digest, draws }) {
  const key = await keyOf(seed);
  const given = pool.prizes.map(() => 0);
  for (const [index, [number, place, out]] of draws.entries()) {
    const usedUp = pool.prizes.some(({ pieces }, at) => pieces !== null && given[at] >= pieces && !out.includes(at + 1));
    if (number !== index + 1 || usedUp || (await placeOf(key, number, out, pool)) !== place) return false;
    if (place) given[place - 1] += 1;
  }
  return (await sha256(seed)) === digest;
}

async function drawHolds(record) {
  const gone = new Set(record.withdrawn.map(([number]) => number));
  const entries = record.entries.filter(([number]) => !gone.has(number));
  const { told, ranked } = await inOrder(record.seed, entries);
  const passed = record.passed.map(([number]) => number);
  return (
    (await sha256(record.seed)) === record.seed_digest &&
    told === record.list_digest &&
    winnersOf(ranked, record.places, []).join() === record.winners.join() &&
    winnersOf(ranked, record.places, passed).join() === record.standing.join()
  );
}

document.querySelectorAll("[data-check]").forEach((button) => {
  const said = document.getElementById("checked");
  button.hidden = false;
  button.addEventListener("click", async () => {
    said.textContent = button.dataset.busy;
    try {
      const record = await (await fetch(button.dataset.check)).json();
      said.textContent = (await (record.pool ? poolHolds(record) : drawHolds(record))) ? button.dataset.holds : button.dataset.wrong;
    } catch {
      said.textContent = button.dataset.failed;
    }
  });
});

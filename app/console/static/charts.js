// Stacked bars as inline SVG: contacts created and changed for each day.

import { html } from "./htm-preact.js";
import { formatNumber, plural } from "./ui.js";

const HEIGHT = 120;
const STEP = 40;

export function Bars({ days, label }) {
  const most = Math.max(1, ...days.map(({ created, changed }) => created + changed));
  const size = (count) => (count ? Math.max(2, (count / most) * HEIGHT) : 0);
  const name = (day) => day.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return html`<figure class="chart">
    <svg viewBox=${`0 0 ${days.length * STEP} ${HEIGHT + 34}`} role="img" aria-label=${label}>
      ${days.map(({ day, created, changed }, index) => html`<g key=${index} transform=${`translate(${index * STEP} 14)`}>
        <title>${`${name(day)}: ${formatNumber(created)} created, ${plural(changed, "change")}`}</title>
        <rect class="changed" x="6" width="28" y=${HEIGHT - size(created) - size(changed)} height=${size(changed)} />
        <rect class="created" x="6" width="28" y=${HEIGHT - size(created)} height=${size(created)} />
        ${created + changed > 0 && html`<text x="20" y=${HEIGHT - size(created) - size(changed) - 3}>${formatNumber(created + changed)}</text>`}
        <text x="20" y=${HEIGHT + 14}>${day.getDate()}</text></g>`)}
    </svg>
    <figcaption><span class="key-created">created</span> <span class="key-changed">changed</span></figcaption></figure>`;
}

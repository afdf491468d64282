// Stacked bars as inline SVG: contacts created and changed for each day.

import { html, useEffect, useRef, useState } from "./htm-preact.js";
import { formatNumber, plural } from "./ui.js";

const HEIGHT = 120;

export function Bars({ days, label }) {
  const figure = useRef();
  const [width, setWidth] = useState(700);
  useEffect(() => {
    const observer = new ResizeObserver(([{ contentRect }]) => setWidth(contentRect.width));
    observer.observe(figure.current);
    return () => observer.disconnect();
  }, []);
  const step = width / (days.length || 1);
  const bar = Math.min(step * 0.7, 44);
  const most = Math.max(1, ...days.map(({ created, changed }) => created + changed));
  const size = (count) => (count ? Math.max(2, (count / most) * HEIGHT) : 0);
  const name = (day) => day.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  return html`<figure class="chart" ref=${figure}>
    <svg viewBox=${`0 0 ${width} ${HEIGHT + 34}`} height=${HEIGHT + 34} role="img" aria-label=${label}>
      <line x1="0" x2=${width} y1=${HEIGHT + 14.5} y2=${HEIGHT + 14.5} />
      ${days.map(({ day, created, changed }, index) => html`<g key=${index} transform=${`translate(${(index + 0.5) * step} 14)`}>
        <title>${`${name(day)}: ${formatNumber(created)} created, ${plural(changed, "change")}`}</title>
        <rect class="changed" x=${-bar / 2} width=${bar} y=${HEIGHT - size(created) - size(changed)} height=${size(changed)} />
        <rect class="created" x=${-bar / 2} width=${bar} y=${HEIGHT - size(created)} height=${size(created)} />
        ${created + changed > 0 && html`<text y=${HEIGHT - size(created) - size(changed) - 3}>${formatNumber(created + changed)}</text>`}
        <text y=${HEIGHT + 15}>${step < 50 ? day.getDate() : name(day)}</text></g>`)}
    </svg>
    <figcaption><span class="key-created">created</span> <span class="key-changed">changed</span></figcaption></figure>`;
}

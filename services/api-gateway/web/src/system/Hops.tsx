import { useTranslation } from "react-i18next";

import type { SystemAnswer } from "../api/types";
import { Figure, Figures } from "../ui/Figure";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";
import { hopsOf, type Spread } from "./figures";

const KNOWN = ["published", "processor", "stored", "pushed", "judged"] as const;

/** Of a hop that several services have: each, and what half of its events are younger than. */
function Each({ spreads }: { spreads: readonly Spread[] }) {
  const { t } = useTranslation();
  const format = useFormat();
  if (spreads.length < 2) return null;
  return (
    <ul className="mt-1 text-2xs leading-4 text-ink-3">
      {spreads.map(({ service, p50, p99 }, at) => (
        <li
          key={`${service} ${at}`}
          className="flex justify-between gap-2"
          title={p99 === null ? undefined : t("system.spread", { p99: joined(format.brief(p99 * 1_000)) })}
        >
          <span className="truncate">{service}</span>
          <span>{p50 === null ? "–" : joined(format.brief(p50 * 1_000))}</span>
        </li>
      ))}
    </ul>
  );
}

/** How old an event is at each hop of its way: half are younger than the large figure. */
export function Hops({ answer }: { answer: SystemAnswer }) {
  const { t } = useTranslation();
  const format = useFormat();
  const hops = hopsOf(answer);
  if (hops.length === 0) return null;
  return (
    <section
      aria-label={t("system.group.freshness")}
      title={t("system.groupMeaning.freshness")}
      className="rounded-lg border border-line bg-panel"
    >
      <Figures>
        {hops.map(({ hop, spreads }) => {
          const known = KNOWN.find((each) => each === hop);
          const [{ p50, p99 }] = spreads;
          return (
            <Figure
              key={hop}
              label={known === undefined ? hop : t(`system.hop.${known}`)}
              value={p50 === null ? null : format.brief(p50 * 1_000)}
            >
              {p99 === null
                ? t("system.none")
                : t("system.spread", { p99: joined(format.brief(p99 * 1_000)) })}
              <Each spreads={spreads} />
            </Figure>
          );
        })}
      </Figures>
    </section>
  );
}

import { clsx } from "clsx";
import { useTranslation } from "react-i18next";

import type { Service } from "../api/types";
import { QuantityText } from "../ui/Quantity";
import { Scroller } from "../ui/Scroller";
import { useFormat } from "../ui/useFormat";
import { cpuShare, distinctServices } from "./figures";
import type { SystemLook } from "./useSystem";

const HEADS = ["service", "readiness", "up", "memory", "cpu", "address"] as const;
const WORDS: ReadonlySet<string> = new Set(["service", "readiness"]);
/** What a phone has no room for. */
const ROOMY: ReadonlySet<string> = new Set(["readiness", "address"]);

function Readiness({ service }: { service: Service }) {
  const { t } = useTranslation();
  const said = Object.entries({ ...service.faults, ...service.notes });
  return (
    <span className="flex items-baseline gap-2">
      <svg
        aria-hidden
        viewBox="0 0 10 10"
        className={`size-2.5 shrink-0 self-center ${service.ready ? "text-ok" : "text-bad"}`}
      >
        {service.ready ? (
          <circle cx="5" cy="5" r="3.4" fill="currentColor" />
        ) : (
          <path d="M5 .4 9.8 9.2H.2Z" fill="currentColor" />
        )}
      </svg>
      <span className={service.ready ? "text-ink-2" : "font-medium text-bad"}>
        {t(service.ready ? "system.ready" : "system.notReady")}
      </span>
      {said.length === 0 ? null : (
        <span className="text-xs whitespace-normal text-ink-2">
          {said.map(([what, why]) => `${what}: ${why}`).join("; ")}
        </span>
      )}
    </span>
  );
}

/** Each service: is it ready, since when is it up, what does it use. */
export function Services({ look }: { look: SystemLook }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { answer, before } = look;
  return (
    <Scroller label={t("system.services")}>
      <table className="w-full text-right md:min-w-[38rem]">
        <thead>
          <tr className="border-b border-line text-xs text-ink-3">
            {HEADS.map((head) => (
              <th
                key={head}
                scope="col"
                title={head === "cpu" ? t("system.cpuHint") : undefined}
                className={clsx(
                  "px-2 py-2 font-medium whitespace-nowrap first:pl-4 last:pr-4 max-md:nth-last-2:pr-4 md:px-3",
                  WORDS.has(head) && "text-left",
                  ROOMY.has(head) && "max-md:hidden",
                )}
              >
                {t(`system.${head}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="[&_td]:px-2 [&_td]:py-2 [&_td]:whitespace-nowrap md:[&_td]:px-3 [&_td:last-child]:pr-4 max-md:[&_td:nth-last-child(2)]:pr-4">
          {distinctServices(answer.services).map((service) => {
            const cpu = cpuShare(service, answer, before);
            return (
              <tr
                key={`${service.name} ${service.address}`}
                className="border-b border-line/70 last:border-b-0"
              >
                <th scope="row" className="py-2 pr-2 pl-4 text-left font-medium whitespace-nowrap">
                  {service.name}
                  <span className="block text-xs font-normal md:hidden">
                    <Readiness service={service} />
                  </span>
                </th>
                <td className="text-left max-md:hidden">
                  <Readiness service={service} />
                </td>
                <td>{service.up_s === null ? "–" : format.length(service.up_s * 1_000)}</td>
                <td>
                  <QuantityText
                    of={service.memory_bytes === null ? null : format.bytes(service.memory_bytes)}
                  />
                </td>
                <td>{cpu === null ? "–" : format.share(cpu)}</td>
                <td className="font-mono text-xs text-ink-3 max-md:hidden">{service.address}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Scroller>
  );
}

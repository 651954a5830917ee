import { Check, ChevronDown } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

// not modal: a modal menu locks scrolling by a style element, which the security policy forbids

const CONTENT =
  "z-50 max-h-80 min-w-40 animate-arrive overflow-y-auto rounded-lg border border-line-strong bg-panel p-1 text-sm shadow-float";
const ITEM =
  "flex items-center gap-2 rounded-md px-2 py-2 text-ink-2 outline-none select-none md:py-1.5 data-[highlighted]:bg-raised data-[highlighted]:text-ink";

export interface MenuOption<T extends string> {
  value: T;
  label: ReactNode;
  aside?: ReactNode;
}

interface MenuProps<T extends string> {
  options: readonly MenuOption<T>[];
  trigger: ReactNode;
  align?: "start" | "end";
  side?: "top" | "bottom";
}

interface ChoiceProps<T extends string> extends MenuProps<T> {
  value: T;
  onChoose: (value: T) => void;
}

function Mark({ children }: { children: ReactNode }) {
  return <span className="grid w-4 place-items-center text-accent">{children}</span>;
}

function Label<T extends string>({ option }: { option: MenuOption<T> }) {
  return (
    <>
      <span className="flex-1 text-left">{option.label}</span>
      {option.aside === undefined ? null : <span className="text-ink-3">{option.aside}</span>}
    </>
  );
}

/** One of several. */
export function ChoiceMenu<T extends string>({
  options,
  trigger,
  value,
  onChoose,
  align = "start",
  side = "bottom",
}: ChoiceProps<T>) {
  const choose = (chosen: string) => {
    const option = options.find((each) => each.value === chosen);
    if (option !== undefined) onChoose(option.value);
  };
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align={align}
          side={side}
          sideOffset={6}
          collisionPadding={8}
          className={CONTENT}
        >
          <DropdownMenu.RadioGroup value={value} onValueChange={choose}>
            {options.map((option) => (
              <DropdownMenu.RadioItem key={option.value} value={option.value} className={ITEM}>
                <Mark>
                  <DropdownMenu.ItemIndicator>
                    <Check aria-hidden size={14} />
                  </DropdownMenu.ItemIndicator>
                </Mark>
                <Label option={option} />
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface SomeProps<T extends string> extends MenuProps<T> {
  values: ReadonlySet<T>;
  onToggle: (value: T) => void;
}

/** Any of several; it stays open while they are chosen. */
export function SomeMenu<T extends string>({
  options,
  trigger,
  values,
  onToggle,
  align = "start",
}: SomeProps<T>) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content align={align} sideOffset={6} collisionPadding={8} className={CONTENT}>
          {options.map((option) => (
            <DropdownMenu.CheckboxItem
              key={option.value}
              checked={values.has(option.value)}
              onCheckedChange={() => onToggle(option.value)}
              onSelect={(event) => event.preventDefault()}
              className={ITEM}
            >
              <Mark>
                <DropdownMenu.ItemIndicator>
                  <Check aria-hidden size={14} />
                </DropdownMenu.ItemIndicator>
              </Mark>
              <Label option={option} />
            </DropdownMenu.CheckboxItem>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

interface MenuButtonProps extends React.ComponentProps<"button"> {
  active?: boolean;
}

/** What opens a menu of filters. */
export function MenuButton({ active = false, children, ...rest }: MenuButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={`inline-flex h-9 items-center gap-1.5 rounded-md border px-2.5 whitespace-nowrap md:h-8 data-[state=open]:bg-raised ${
        active
          ? "border-accent bg-accent-soft text-ink"
          : "border-line bg-panel text-ink-2 hover:border-line-strong hover:text-ink"
      }`}
    >
      {children}
      <ChevronDown aria-hidden size={14} className="text-ink-3" />
    </button>
  );
}

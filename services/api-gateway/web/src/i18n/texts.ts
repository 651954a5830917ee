/** What a language has to say: English's keys, each with a text. */

import type { en } from "./en";

type Same<T> = { [Key in keyof T]: T[Key] extends string ? string : Same<T[Key]> };

export type Texts = Same<typeof en>;

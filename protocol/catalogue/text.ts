// One sentence in both languages that users may choose.
export interface Text {
  readonly en: string;
  readonly zh: string;
}

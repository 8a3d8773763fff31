/** A column of the table of tasks, as QTable and the header need it. */
export interface Column {
  name: "pick" | "state" | "title" | "kind" | "owner" | "details" | "duration" | "created";
  label: string;
  field: string;
  align: "left" | "right";
}

/** Return the columns that a list has, in their order. A narrow one has two lines in one column. */
export function columnsOf(narrow: boolean, with_kind: boolean, with_owner: boolean): Column[] {
  const column = (name: Column["name"], align: Column["align"] = "left"): Column => ({ name, label: name, field: name, align });
  if (narrow) return [column("pick"), column("title")];
  return [
    column("pick"),
    column("state"),
    column("title"),
    ...(with_kind ? [column("kind")] : []),
    ...(with_owner ? [column("owner")] : []),
    column("details"),
    column("duration", "right"),
    column("created", "right"),
  ];
}

// An order after each of its events, folded from its history as the views fold it.

const STATUS = {
  OrderPlaced: "CREATED",
  OrderReserved: "RESERVED",
  OrderRejected: "REJECTED",
  OrderPaid: "PAID",
  OrderShipped: "SHIPPED",
  OrderDelivered: "DELIVERED",
  OrderCancelled: "CANCELLED",
};

// What each event did, for people.
export const MEANING = {
  OrderPlaced: "The order was placed, at the catalogue's prices.",
  OrderReserved: "Every piece is held in the house.",
  OrderRejected: "The shop turned it down.",
  OrderPaid: "The money was taken.",
  OrderShipped: "It left the house.",
  OrderDelivered: "It arrived.",
  OrderCancelled: "It was called off.",
};

// The state after the first `events` of them, oldest first: a list of one state per event.
export function states(events) {
  const all = [];
  for (const event of events) all.push(after(all.at(-1) ?? {}, event));
  return all;
}

function after(before, { type, version, at, data }) {
  const state = { ...before, status: STATUS[type] ?? before.status, version, changed: at };
  switch (type) {
    case "OrderPlaced":
      return {
        ...state,
        placed: at,
        currency: data.currency,
        total: data.total_amount,
        lines: data.lines.map(({ name, quantity }) => `${quantity} × ${name}`).join(", "),
      };
    case "OrderPaid":
      return { ...state, paid: data.amount.amount };
    case "OrderShipped":
      return { ...state, parcel: `${data.carrier} ${data.tracking}` };
    case "OrderRejected":
      return { ...state, reason: data.reason.replaceAll("_", " ") };
    case "OrderCancelled":
      return { ...state, reason: data.reason ?? data.cause.replaceAll("_", " ") };
    default:
      return state;
  }
}

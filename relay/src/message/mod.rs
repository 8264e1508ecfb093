//! Holds the content of a message while it is on its way, within the budgets of the pod.

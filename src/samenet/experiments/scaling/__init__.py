"""How cost grows with size: the ladder, its cost model, forecasts, the cross-over."""

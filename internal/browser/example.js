/** The cells of the pictures. */
export const example = [
  `import pandas as pd

weather = pd.DataFrame({
    "city": ["Bergen", "Lima", "Nairobi", "Rome"],
    "rain": [2495, 16, 1024, 799],
    "sun": [1187, 1230, 2520, 2473],
    "warmest": [14.6, 23.1, 19.3, 25.6],
})
weather`,
  `import matplotlib.pyplot as plt

ax = weather.plot.barh(x="city", y=["rain", "sun"], figsize=(7.5, 2.6), xlabel="mm, hours a year", ylabel="")
ax.spines[["top", "right"]].set_visible(False)`,
  `for done in range(0, 101, 20):
    print(f"\\rreading \\x1b[36m{'█' * (done // 5):<20}\\x1b[0m {done} %", end="")
weather.rain.sum()`,
  `def share(part, whole):
    return part / whole

share(weather.rain.max(), 0j)`,
];

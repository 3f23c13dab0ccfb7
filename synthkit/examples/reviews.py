"""Product reviews of an invented shop: customers with one to twenty reviews each.

In: a number of rows and a seed. Out: a raw table as a shop would export it. The structure is
written down in `STRUCTURE` and tested, so that a synthetic table can be judged against the truth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from synthkit.examples import draws

if TYPE_CHECKING:
    import polars as pl

STRUCTURE = """
**reviews** is a simulated shop's export: about 20,000 reviews by about 9,700 customers.

- A customer writes k reviews with probability proportional to k^-2.1, at most 20. Age, country
  and segment belong to the customer and are the same in all of their rows. Age is missing (`N`)
  for one customer in sixteen.
- 40 products in 8 categories: the product determines its category exactly, and products of a
  category differ in popularity (Zipf) and in quality.
- The segment (bargain, quality, trend, loyal) shifts the choice of category and of price tier.
  Trend customers are younger, loyal ones older.
- The price is log-normal around a level set by tier and category.
- Satisfaction = fit of segment and category + quality of the product + fit of segment and tier +
  a taste of the customer + chance. Rating is satisfaction cut at fixed points, so that ratings
  are J-shaped: most are 5, and 1 is more frequent than 2.
- Sentiment follows the rating (1-2 mostly negative, 3 mixed, 4-5 mostly positive) and is right
  about nine times in ten at the ends.
- Mentions: quality in any mood, fit mostly for clothing, shoes and sports, delivery four times as
  often when negative, price mostly by bargain customers and for premium items.
- Recommended rises with rating, and less so with the fit of segment and category.
- Helpful votes: none in six of ten reviews, else log-normal; extreme ratings get more; cut at 500.
- Reviews peak in December, with a smaller peak in June; garden has its season from March to
  August, and books before Christmas.
- review_text is built from templates and repeats columns: it is free text to be dropped.
"""

SEGMENTS = ("bargain", "quality", "trend", "loyal")
CATEGORIES = ("beauty", "books", "clothing", "electronics", "garden", "home", "shoes", "sports")
COUNTRIES = ("AT", "BE", "DE", "FR", "IT", "NL")
TIERS = ("budget", "mid", "premium")
SENTIMENTS = ("negative", "neutral", "positive")
ASPECTS = ("quality", "fit", "delivery", "price")
PRODUCTS = tuple(f"{c}-{i}" for c in CATEGORIES for i in range(1, 6))

# Rows: segment; columns: category. Used for the choice (as log-weights) and for satisfaction.
MATCH = np.array(
    [
        [0.2, 0.6, 0.1, -0.5, 0.0, 0.3, -0.2, -0.4],
        [-0.3, 0.2, -0.4, 0.7, 0.3, 0.5, 0.0, 0.1],
        [0.8, -0.6, 0.9, 0.4, -0.8, -0.3, 0.7, 0.2],
        [0.1, 0.3, 0.2, 0.0, 0.6, 0.7, 0.1, -0.3],
    ]
)
TIER_WEIGHTS = np.array([[7, 2.5, 0.5], [1, 4, 5], [2, 5, 3], [3, 5, 2]])
TIER_FIT = np.array([[0.25, 0.0, -0.8], [-0.5, 0.1, 0.4], [-0.1, 0.1, 0.2], [0.1, 0.2, 0.0]])
SEGMENT_SHARES = (0.32, 0.27, 0.22, 0.19)
SEGMENT_AGES = (44.0, 47.0, 29.0, 56.0)
COUNTRY_SHARES = (0.09, 0.11, 0.34, 0.22, 0.14, 0.10)
CATEGORY_SHARES = np.array([0.12, 0.13, 0.2, 0.16, 0.06, 0.14, 0.11, 0.08])
TIER_LEVELS = np.array([2.6, 3.4, 4.3])
CATEGORY_LEVELS = np.array([-0.2, -0.5, 0.1, 0.8, 0.2, 0.3, 0.4, 0.2])
PRODUCT_QUALITY = np.array([0.35, 0.1, -0.1, -0.6, 0.5])
PRODUCT_SHARES = 1.0 / np.arange(1, 6)
RATING_CUTS = np.array([-0.95, -0.60, -0.10, 0.45])
# Rows: rating 1 to 5; columns: negative, neutral, positive.
SENTIMENT_WEIGHTS = np.array(
    [[0.92, 0.06, 0.02], [0.8, 0.15, 0.05], [0.3, 0.5, 0.2], [0.05, 0.2, 0.75], [0.01, 0.06, 0.93]]
)
FIRST_DAY = np.datetime64("2023-01-01")
N_DAYS = 731
MOST_VOTES = 500


def simulate(n_rows: int = 20_000, seed: int = 20_250_101) -> pl.DataFrame:
    """Simulates a raw table of reviews; the same arguments give the same table.

    Args:
        n_rows: Number of reviews.
        seed: Public randomness; no real data is involved.

    Returns:
        Raw table, shape (n_rows, 20), in the order of `reviews.schema.yaml`, rows shuffled.
    """
    import polars as pl

    rng = np.random.default_rng(seed)
    customer = draws.persons_of_rows(n_rows, exponent=2.1, most=20, rng=rng)  # (n_rows,)
    n_customers = int(customer[-1]) + 1
    segment_of = rng.choice(4, size=n_customers, p=SEGMENT_SHARES)  # (n_customers,)
    age_of = rng.normal(np.array(SEGMENT_AGES)[segment_of], 11.0)
    age_of = np.clip(np.rint(age_of), 18, 90).astype(np.int64)
    is_age_missing = (rng.random(n_customers) < 1 / 16)[customer]
    country_of = rng.choice(6, size=n_customers, p=COUNTRY_SHARES)
    taste_of = rng.normal(0.0, 0.35, n_customers)

    segment = segment_of[customer]
    day = _days(n_rows, rng)
    category = _categories(segment, day, rng)
    place = rng.choice(5, size=n_rows, p=PRODUCT_SHARES / PRODUCT_SHARES.sum())
    tier = draws.choose(TIER_WEIGHTS[segment], rng)
    price = np.exp(rng.normal(TIER_LEVELS[tier] + CATEGORY_LEVELS[category], 0.35))
    fit = MATCH[segment, category]
    satisfaction = 0.8 * fit + PRODUCT_QUALITY[place] + TIER_FIT[segment, tier]
    satisfaction += taste_of[customer] + rng.normal(0.1, 0.75, n_rows)
    rating = 1 + np.searchsorted(RATING_CUTS, satisfaction)
    # Some people rate 1 out of anger: the foot of the J.
    rating = np.where((rating == 2) & (rng.random(n_rows) < 0.35), 1, rating)
    sentiment = draws.choose(SENTIMENT_WEIGHTS[rating - 1], rng)
    mentions = _mentions(sentiment, category, segment, tier, country_of[customer], rng)
    recommended = draws.happens(draws.logistic(2.2 * (rating - 3.1) + 1.2 * fit), rng)
    verified = draws.happens(np.array([0.82, 0.86, 0.74, 0.96])[segment], rng)

    # Numbers that say nothing: neither the order of rows nor an id follows the customer.
    customer_number = 10_000 + rng.permutation(n_customers)
    table = pl.DataFrame(
        {
            "review_id": draws.numbered("R", 100_000 + rng.permutation(n_rows), 6),
            "customer_id": draws.numbered("C", customer_number[customer], 5),
            "date": pl.Series(FIRST_DAY + day).cast(pl.Date),
            "product": draws.label(PRODUCTS, 5 * category + place),
            "category": draws.label(CATEGORIES, category),
            "price_tier": draws.label(TIERS, tier),
            "price": np.clip(np.round(price, 2), 1.0, 500.0),
            "rating": rating.astype(np.int64),
            "sentiment": draws.label(SENTIMENTS, sentiment),
            **{f"mentions_{a}": mentions[:, i] for i, a in enumerate(ASPECTS)},
            "customer_segment": draws.label(SEGMENTS, segment),
            "helpful_votes": _votes(rating, mentions, rng),
            "verified": verified,
            "age": draws.written(age_of[customer], is_age_missing, "N"),
            "country": draws.label(COUNTRIES, country_of[customer]),
            "recommended": recommended,
            "review_text": _texts(category, sentiment, mentions, rng),
        }
    )
    return table[rng.permutation(n_rows)]


def _days(n_rows: int, rng: np.random.Generator) -> np.ndarray:
    """Draws the day of each review since 2023-01-01, shape (n_rows,)."""
    season = np.arange(N_DAYS) % 365  # (n_days,)
    weights = 1.0 + 1.6 * np.exp(-(((season - 338) / 18.0) ** 2))
    weights += 0.5 * np.exp(-(((season - 165) / 20.0) ** 2))
    weights *= 1.0 + 0.3 * np.arange(N_DAYS) / N_DAYS  # the shop grows
    return rng.choice(N_DAYS, size=n_rows, p=weights / weights.sum())


def _categories(segment: np.ndarray, day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws the category of each review: by segment, and garden by season; shape (n_rows,)."""
    weights = CATEGORY_SHARES * np.exp(MATCH[segment])  # (n_rows, n_categories)
    season = day % 365
    garden, books = CATEGORIES.index("garden"), CATEGORIES.index("books")
    weights[:, garden] *= np.where((season > 75) & (season < 225), 2.5, 0.4)
    weights[:, books] *= np.where(season > 310, 1.8, 0.9)
    return draws.choose(weights, rng)


def _mentions(
    sentiment: np.ndarray,
    category: np.ndarray,
    segment: np.ndarray,
    tier: np.ndarray,
    country: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draws which aspects a review mentions, shape (n_rows, 4), in the order of `ASPECTS`."""
    names = ("clothing", "shoes", "sports")
    is_worn = np.isin(category, [CATEGORIES.index(n) for n in names])
    quality = np.array([0.55, 0.25, 0.45])[sentiment] + 0.15 * (tier == 2)
    fit = np.where(is_worn, np.array([0.6, 0.35, 0.4])[sentiment], 0.03)
    delivery = np.array([0.4, 0.15, 0.1])[sentiment] + 0.1 * (country == COUNTRIES.index("IT"))
    price = 0.1 + 0.3 * (segment == 0) + 0.15 * (tier == 2)
    chances = np.stack([quality, fit, delivery, price], axis=1)  # (n_rows, 4)
    return rng.random(chances.shape) < chances


def _votes(rating: np.ndarray, mentions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws helpful votes: a spike at zero and a heavy tail; shape (n_rows,), int64."""
    n_mentions = mentions.sum(axis=1)
    is_voted = draws.happens(0.28 + 0.07 * n_mentions + 0.12 * (rating <= 2), rng)
    level = 0.6 + 0.25 * n_mentions + 0.5 * (rating == 1)
    votes = np.ceil(np.exp(rng.normal(level, 1.4)))
    return np.asarray(np.where(is_voted, np.minimum(votes, MOST_VOTES), 0).astype(np.int64))


OPENINGS = (
    ("Not happy with this.", "I expected more.", "Sent it back.", "A let-down."),
    ("It does the job.", "Neither good nor bad.", "Average, I would say.", "Fine for now."),
    ("Very pleased!", "Would buy it again.", "Better than I hoped.", "A lovely find."),
)
ASPECT_SENTENCES = (
    ("The quality is poor.", "The quality is all right.", "The quality is excellent."),
    ("It does not fit.", "The fit is so-so.", "It fits perfectly."),
    ("Delivery took ages.", "Delivery was as usual.", "Delivery was quick."),
    ("Far too expensive.", "The price is fair.", "Great value for the price."),
)


def _texts(
    category: np.ndarray, sentiment: np.ndarray, mentions: np.ndarray, rng: np.random.Generator
) -> pl.Series:
    """Builds a short text from templates, shape (n_rows,)."""
    flat = [text for mood in OPENINGS for text in mood]
    parts = [
        draws.label([f"Bought in {c}." for c in CATEGORIES], category),
        draws.label(flat, 4 * sentiment + rng.integers(0, 4, sentiment.size)),
    ]
    for i, by_mood in enumerate(ASPECT_SENTENCES):
        parts.append(draws.label(["", *by_mood], np.where(mentions[:, i], 1 + sentiment, 0)))
    return draws.sentences(parts)

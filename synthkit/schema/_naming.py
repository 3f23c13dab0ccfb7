"""What a column's name says: person id, identifier, quasi-identifier, sensitive, code, count.

Takes a name, gives answers; never looks at a value. The word lists follow the direct and
quasi-identifiers of the HIPAA Safe Harbor rule (45 CFR 164.514(b)(2)) and the special categories
of GDPR article 9.
"""

from __future__ import annotations

import re

from synthkit.schema.model import Role


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_PERSON = (
    "customer|client|patient|user|person|member|reviewer|student|subject|participant|employee"
    "|author|respondent|buyer|cardholder|policyholder|resident|citizen|pupil|donor|tenant"
    "|passenger|guest|consumer|individual|applicant|borrower|subscriber|visitor|beneficiary"
    "|insured|player|worker|staff|beneficiaries|enrollee|account|household"
)
_ID = "id|ids|nbr|no|nr|num|number|key|uuid|guid|hash|code|pseudonym|pid|identifier"
_PERSON_ID = re.compile(
    rf"^(?:.*_)?(?:{_PERSON})s?_?(?:{_ID})(?:_(?:hash|hashed|pseudonym|anon|key))?$"
    rf"|^(?:id|uuid|guid|key)_?(?:{_PERSON})s?$"
    r"|^(?:.*_)?(?:mrn|medical_record_(?:number|no|id)|nhs_(?:number|no)|subjid|usubjid)$"
)
_BARE_PERSON = re.compile(rf"^(?:{_PERSON})s?$")
_THINGS = (
    "row|record|order|encounter|visit|event|session|transaction|trans|invoice|claim|case|item"
    "|product|review|post|message|ticket|booking|contract|policy|loan|study|site|admission|stay"
    "|hadm|icustay|payment|shipment|sample|specimen|document|request|device|card"
)
_ID_LIKE = re.compile(
    rf"^(?:{_ID})$|^(?:.*_)?(?:id|ids|nbr|uuid|guid|key|identifier)$|^(?:id|uuid|guid)_"
    rf"|^(?:.*_)?(?:{_THINGS})_?(?:{_ID})$|^(?:asin|isbn|ean|upc|sku|vin|imei)$"
)
_ROW_NUMBER = re.compile(
    r"^(?:s_?no|index|idx|row|rows|rownum|row_?(?:no|nbr|number)|serial(?:_no)?)$"
)
_NUMBER = "(?:no|nr|nbr|num|number)"
_PII: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (what, re.compile(rf"^(?:.*_)?(?:{words})(?:_\d+)?$"))
    for what, words in (
        ("an e-mail address", "e_?mail|email_?address|mail_address"),
        (
            "a phone number",
            rf"phone|telephone|tel|mobile|cell_?phone|fax|(?:phone|mobile|fax)_?{_NUMBER}",
        ),
        (
            "a social security or national id number",
            rf"ssn|social_security(?:_{_NUMBER})?|national_id|tax_?id|tin|nino|aadhaar|cpf"
            rf"|passport(?:_{_NUMBER})?",
        ),
        (
            "a licence number",
            rf"drivers?|drivers?_licen[cs]e(?:_{_NUMBER})?|licen[cs]e_(?:plate|{_NUMBER})"
            "|number_plate",
        ),
        (
            "an account or card number",
            rf"iban|bic|credit_?card(?:_{_NUMBER})?|(?:card|account|acct)_?{_NUMBER}",
        ),
        ("an IP address", "ip|ip_?addr(?:ess)?|ipv4|ipv6|mac_address"),
        ("a user name", "user_?name|login|screen_name|nick_?name|handle"),
        (
            "an address",
            "address|addr|street|street_?(?:name|address)|home_address|address_line",
        ),
    )
)
_PERSON_NAME = re.compile(
    r"^(?:name|first|last|maiden|surname|forename|firstname|lastname|fullname|middlename|fname"
    r"|lname)$|^(?:.*_)?(?:first|last|full|given|family|middle|sur|maiden|birth|legal)_?name$"
    rf"|^(?:{_PERSON}|contact|doctor|physician|nurse|mother|father|next_of_kin)s?_?name$"
)
_QUASI = _listed(
    """
    age agep ages sex gender race rac rac1p hisp hispanic ethnic ethnicity ethnicities zip
    zipcode zip3 zip5 postcode postal plz birth birthdate birthday birthyear birthplace dob
    yob city town village county country region province district marital marriage married
    msp occupation job profession occp education edu schooling degree nationality
    citizenship citizen native language puma relationship veteran dvet municipality
    neighborhood
    """
)
_SENSITIVE = _listed(
    """
    income salary wage wages earnings pincp diagnosis diagnoses diag dx icd icd9 icd10 hiv
    aids religion religious belief political politics party union orientation sexuality
    disease disability disabled diabetes dementia cancer death dead deceased deathdate died
    mortality hospdead drug drugs medication medications crime criminal conviction offence
    offense arrest health mental psychiatric bmi pregnant pregnancy genetic genotype
    biometric wealth debt default bankruptcy condition conditions allergy allergies symptom
    reasoncode reasondescription charges totcst
    """
)
_CODE = _listed(
    """
    code codes zip zipcode postcode postal plz icd icd9 icd10 diag naics naicsp sic soc socp
    indp occp puma fips type category categories class cat group kind status sex gender race
    rac rac1p hisp ethnicity marital marriage relationship sector store branch department
    dept region district own rent reason method mode channel source flag
    """
)
_COUNT = _listed(
    """
    count counts cnt num number nb n qty quantity times days day hours hour minutes seconds
    months weeks years year age agep visits attempts procedures total sum amount amt
    duration time points votes
    """
)
_TARGET = _listed(
    """
    target label outcome readmitted rating overall recommended churn churned fraud default
    final survived hospdead income_class approved stars
    """
)


def words(name: str) -> tuple[str, ...]:
    """Splits a name into small words: `reviewerID` and `Reviewer Id` are both reviewer, id."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return tuple(w for w in re.split(r"[^a-z0-9]+", spaced.lower()) if w)


def _joined(name: str) -> str:
    return "_".join(words(name))


def is_person_id(name: str) -> bool:
    """Whether the name says that the column numbers people: `patient_nbr`, `reviewerID`."""
    return bool(_PERSON_ID.match(_joined(name)))


def is_bare_person(name: str) -> bool:
    """Whether the name is a word for a person and nothing else: `PATIENT`."""
    return bool(_BARE_PERSON.match(_joined(name)))


def is_id(name: str) -> bool:
    """Whether the name says that the column numbers things."""
    return bool(_ID_LIKE.match(_joined(name)))


def is_row_number(name: str) -> bool:
    """Whether the name says that the column numbers the rows."""
    return bool(_ROW_NUMBER.match(_joined(name)))


def pii(name: str) -> str:
    """Says which direct identifier the name promises (`an e-mail address`); empty if none."""
    joined = _joined(name)
    if _PERSON_NAME.match(joined):
        return "a person's name"
    return next((what for what, pattern in _PII if pattern.match(joined)), "")


def role(name: str) -> Role:
    """Says whether the name promises a quasi-identifier or a sensitive value."""
    found = set(words(name))
    if found & _SENSITIVE:
        return "sensitive"
    return "quasi_identifier" if found & _QUASI else "other"


def is_code(name: str) -> bool:
    """Whether the name promises codes, whose digits are no quantity."""
    found = words(name)
    return bool(set(found) & _CODE) or any(word.endswith("code") for word in found)


def is_count(name: str) -> bool:
    """Whether the name promises a quantity."""
    return bool(set(words(name)) & _COUNT)


def is_target(name: str) -> bool:
    """Whether the name promises what people will want to predict."""
    return bool(set(words(name)) & _TARGET)


def population(name: str) -> str:
    """Derives a population's name from a table's: small letters, digits, `._/-`."""
    slug = re.sub(r"[^a-z0-9._/-]+", "-", name.lower()).strip("-./")[:100].strip("-./")
    return slug or "table"

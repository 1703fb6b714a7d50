"""From a timeline to cached pieces and one film: conform, joints, cards, assembly."""
